"""Types of the compiled module ext/python_strategy.pyx."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hft.core.events import Book, Decision
from hft.core.messages import Side, TimeInForce

class Order:
    order_id: int
    instrument: int
    side: Side
    price_ticks: int
    leaves_lots: int
    working: bool
    cancelling: bool

class Context:
    instruments: tuple[Any, ...]  # of Instrument
    orders: Mapping[int, Order]
    logger: logging.Logger
    def __init__(self, instruments: Iterable[Any], logger: logging.Logger) -> None: ...
    @property
    def event_ts_ns(self) -> int: ...
    def position_lots(self, instrument: int = 0) -> int: ...
    def book(self, instrument: int = 0) -> Book | None: ...
    def decision(self, instrument: int = 0) -> Decision | None: ...
    def buy(
        self,
        price_ticks: int | None,
        qty_lots: int,
        instrument: int = 0,
        *,
        time_in_force: TimeInForce = TimeInForce.GTC,
        post_only: bool = False,
    ) -> int: ...
    def sell(
        self,
        price_ticks: int | None,
        qty_lots: int,
        instrument: int = 0,
        *,
        time_in_force: TimeInForce = TimeInForce.GTC,
        post_only: bool = False,
    ) -> int: ...
    def cancel(self, order_id: int) -> bool: ...
    def replace(self, order_id: int, price_ticks: int, qty_lots: int) -> bool: ...
    def cancel_all(self) -> None: ...
    def set_timer(self, after_ns: int, name: str = "") -> None: ...

class PythonStrategy:
    context: Context
    strategy: Any
    name: str
    file: str
    wants_books: bool
    wants_trades: bool
    def __init__(
        self,
        name: str,
        strategy: Any,
        handlers: Iterable[str],
        instruments: Sequence[Any],
        file: str,
    ) -> None: ...
