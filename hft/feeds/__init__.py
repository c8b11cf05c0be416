"""Feeds: where market flow comes from.

A new format is one file with a `Feed`. It can lie anywhere: `MY_FEED.py:ARGUMENT` opens it
(docs/feeds.md). One that belongs to hft is a module here and one line in `FEEDS`, imported when its
scheme is first opened.
"""

import difflib
import importlib
from pathlib import Path
from typing import cast

from hft.errors import FeedError
from hft.feeds.base import BookTruth, Feed, FeedOptions

__all__ = ["FEEDS", "BookTruth", "Feed", "FeedOptions", "check_scheme", "open_feed"]

FEEDS: dict[str, str] = {
    "bbo": "hft.feeds.bbo:BboFeed",
    "bitfinex": "hft.feeds.bitfinex:BitfinexFeed",
    "csv": "hft.feeds.csv_trades:CsvTradesFeed",
    "databento": "hft.feeds.databento:DatabentoFeed",
    "lobster": "hft.feeds.lobster:LobsterFeed",
    "pitch": "hft.feeds.pitch:PitchFeed",
    "sim": "hft.feeds.sim:SimulatedFeed",
}

NO_OPTIONS = FeedOptions()


def check_scheme(spec: str) -> str:
    """The scheme of `scheme:argument`; FeedError if there is no such feed."""
    scheme = spec.partition(":")[0]
    if scheme not in FEEDS and not scheme.endswith(".py"):
        known = ", ".join(sorted(FEEDS))
        near = difflib.get_close_matches(scheme.lower(), FEEDS, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise FeedError(f"must start with one of {known}{hint}", field="feed", value=spec)
    return scheme


def open_feed(spec: str, options: FeedOptions = NO_OPTIONS) -> Feed:
    """The feed of `scheme:argument`, such as `lobster:FILE.zip`, checked and ready to be read.

    Instead of a scheme, the path of a Python file that defines a feed will do.
    """
    scheme, argument = check_scheme(spec), spec.partition(":")[2]
    if scheme.endswith(".py"):
        own = importlib.import_module("hft.feeds.own_file")
        return cast(Feed, own.OwnFeed(Path(scheme), argument, options))
    module, _, feed = FEEDS[scheme].partition(":")
    return cast(Feed, getattr(importlib.import_module(module), feed)(argument, options))
