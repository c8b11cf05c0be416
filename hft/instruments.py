"""Instruments: the only place where decimal prices and quantities become integers.

Inside hft a price is a count of ticks, a quantity a count of lots and an amount of money a count of
millionths of the quote currency (quote micros), all of 64 bits. Conversions are exact: what is off
the grid is an InstrumentError, never rounded. Only a notional rounds, once, at its very end.
"""

from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation, Overflow

import msgspec

from hft.errors import InstrumentError

__all__ = ["Instrument"]

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
MICRO_DIGITS = 6

# 64-bit counts have 19 digits, which leaves 41 for those of a tick or lot size.
EXACT = Context(prec=60, traps=[Inexact, InvalidOperation, Overflow])


class Instrument(msgspec.Struct, frozen=True):
    """What is traded where, and on which grid.

    `tick_size` is in quote currency, `lot_size` in units of what is traded. A recording may be
    finer than the venue's rules: own orders are priced in multiples of `order_increment_ticks`.
    """

    venue: str
    symbol: str
    tick_size: Decimal
    lot_size: Decimal
    order_increment_ticks: int = 1

    def __post_init__(self) -> None:
        for field in ("venue", "symbol"):
            if not getattr(self, field):
                raise InstrumentError("must not be empty", field=f"{self.name} {field}")
        for field in ("tick_size", "lot_size"):
            size: Decimal = getattr(self, field)
            if not size.is_finite() or size <= 0:
                raise InstrumentError(
                    "must be a finite number above 0", field=f"{self.name} {field}", value=size
                )
        if not 1 <= self.order_increment_ticks <= INT64_MAX:
            raise InstrumentError(
                "must be at least 1",
                field=f"{self.name} order_increment_ticks",
                value=self.order_increment_ticks,
            )
        if max(self.quote_micros_per_tick_lot) > INT64_MAX:
            raise InstrumentError(
                "must make a ratio of quote micros whose parts fit 64 bits",
                field=f"{self.name} tick_size * lot_size",
                value=self.tick_lot_quote,
            )

    @property
    def name(self) -> str:
        """VENUE:SYMBOL."""
        return f"{self.venue}:{self.symbol}"

    @property
    def tick_lot_quote(self) -> Decimal:
        """Quote currency that one lot costs at a price of one tick, exactly."""
        try:
            return EXACT.multiply(self.tick_size, self.lot_size)
        except DecimalException:
            raise InstrumentError(
                f"must have a product of at most {EXACT.prec} digits",
                field=f"{self.name} tick_size, lot_size",
                value=f"{self.tick_size}, {self.lot_size}",
            ) from None

    @property
    def quote_micros_per_tick_lot(self) -> tuple[int, int]:
        """Numerator and denominator, in lowest terms, of the quote micros in one tick-lot."""
        return EXACT.scaleb(self.tick_lot_quote, MICRO_DIGITS).as_integer_ratio()

    def price_to_ticks(self, price: str | int | Decimal) -> int:
        """The price, in quote currency, as ticks."""
        return self.to_steps("price", price, self.tick_size)

    def ticks_to_price(self, price_ticks: int) -> Decimal:
        """The price in quote currency, with the tick size's number of decimals."""
        return EXACT.multiply(Decimal(price_ticks), self.tick_size)

    def qty_to_lots(self, qty: str | int | Decimal) -> int:
        """The quantity, in units of what is traded, as lots."""
        return self.to_steps("qty", qty, self.lot_size)

    def lots_to_qty(self, qty_lots: int) -> Decimal:
        """The quantity in units of what is traded, with the lot size's number of decimals."""
        return EXACT.multiply(Decimal(qty_lots), self.lot_size)

    def notional_quote_micros(self, price_ticks: int, qty_lots: int) -> int:
        """Price times quantity in quote micros.

        The product is an exact integer fraction; the one rounding, at the end, is to the nearest
        whole, a half to the even one. A result outside 64 bits is an InstrumentError.
        """
        numerator, denominator = self.quote_micros_per_tick_lot
        micros, rest = divmod(price_ticks * qty_lots * numerator, denominator)
        if 2 * rest > denominator or (2 * rest == denominator and micros % 2 == 1):
            micros += 1
        if not INT64_MIN <= micros <= INT64_MAX:
            raise InstrumentError(
                f"of {qty_lots} lots at {price_ticks} ticks must fit 64 bits of quote micros",
                field=f"{self.name} notional",
                value=micros,
            )
        return micros

    def to_steps(self, field: str, value: str | int | Decimal, step: Decimal) -> int:
        """The value as a whole number of steps; InstrumentError names the nearest right ones."""
        where = f"{self.name} {field}"
        if isinstance(value, float):
            raise TypeError(f"{where} must be exact (text, int or Decimal), was a float")
        try:
            number = Decimal(value)
        except DecimalException:
            raise InstrumentError("must be a decimal number", field=where, value=value) from None
        if not number.is_finite():
            raise InstrumentError("must be a finite number", field=where, value=value)
        try:
            quotient, rest = EXACT.divmod(number, step)
        except DecimalException:
            raise out_of_range(field, where, value, step) from None
        steps = int(quotient)
        if not INT64_MIN <= steps <= INT64_MAX:
            raise out_of_range(field, where, value, step)
        if rest:
            below = steps if rest > 0 else steps - 1
            low, high = (EXACT.multiply(Decimal(near), step) for near in (below, below + 1))
            raise InstrumentError(
                f"must be a multiple of {step}, such as {low} or {high}", field=where, value=value
            )
        return steps


def out_of_range(field: str, where: str, value: object, step: Decimal) -> InstrumentError:
    """The error of a value that 64 bits of steps can't hold."""
    steps = "ticks" if field == "price" else "lots"
    problem = f"must be at most {INT64_MAX:.1e} {steps} of {step} above or below 0"
    return InstrumentError(problem.replace("e+", "e"), field=where, value=value)
