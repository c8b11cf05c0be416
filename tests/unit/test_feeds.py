"""The registry of feeds."""

import importlib

import pytest

from hft.errors import FeedError
from hft.feeds import FEEDS, Feed, open_feed


@pytest.mark.parametrize("scheme", FEEDS)
def test_every_scheme_names_a_feed(scheme: str) -> None:
    module, _, name = FEEDS[scheme].partition(":")
    assert issubclass(getattr(importlib.import_module(module), name), Feed)


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("lobstr:a.zip", "feed: must start with one of .*lobster.* .did you mean lobster.., was"),
        ("LOBSTER:a.zip", "did you mean lobster"),
        ("a.zip", r"feed: must start with one of .*lobster, pitch, sim, was 'a\.zip'"),
        ("", "was ''"),
        ("lobster", "feed: must be lobster:FILE.zip, was 'lobster:'"),
    ],
)
def test_an_unknown_feed_is_an_error_that_names_the_known_ones(spec: str, text: str) -> None:
    with pytest.raises(FeedError, match=text):
        open_feed(spec)
