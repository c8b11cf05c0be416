"""Feeds: where market flow comes from.

A new format is one module with a `Feed` and one line in `FEEDS`. The module is imported when its
scheme is first opened.
"""

import difflib
import importlib
from typing import cast

from hft.errors import FeedError
from hft.feeds.base import BookTruth, Feed, FeedOptions

__all__ = ["FEEDS", "BookTruth", "Feed", "FeedOptions", "open_feed"]

FEEDS: dict[str, str] = {
    "lobster": "hft.feeds.lobster:LobsterFeed",
    "sim": "hft.feeds.sim:SimulatedFeed",
}

NO_OPTIONS = FeedOptions()


def open_feed(spec: str, options: FeedOptions = NO_OPTIONS) -> Feed:
    """The feed of `scheme:argument`, such as `lobster:FILE.zip`, checked and ready to be read."""
    scheme, _, argument = spec.partition(":")
    if scheme not in FEEDS:
        known = ", ".join(sorted(FEEDS))
        near = difflib.get_close_matches(scheme.lower(), FEEDS, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise FeedError(f"must start with one of {known}{hint}", field="feed", value=spec)
    module, _, feed = FEEDS[scheme].partition(":")
    return cast(Feed, getattr(importlib.import_module(module), feed)(argument, options))
