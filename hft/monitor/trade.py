"""A trade as people see it."""

from typing import NamedTuple

__all__ = ["Trade"]


class Trade(NamedTuple):
    """A trade to show: `price` as text; `side` is the taker's, "buy" or "sell"."""

    event_ts_ns: int
    price: str
    lots: int
    side: str
    instrument: int = 0
    own: bool = False  # an own order took part
