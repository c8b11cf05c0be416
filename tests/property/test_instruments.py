"""Conversions are exact on every grid, and notionals agree with fractions."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hft.errors import InstrumentError
from hft.instruments import INT64_MAX, INT64_MIN, Instrument

int64 = st.integers(INT64_MIN, INT64_MAX)
small = st.integers(-(10**6), 10**6)
steps = st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent),
    st.integers(1, 99_999),
    st.integers(-6, 1),
)
instruments = st.builds(Instrument, st.just("V"), st.just("S"), steps, steps)


@given(instruments, int64)
def test_integers_survive_the_way_to_text_and_back(instrument: Instrument, count: int) -> None:
    assert instrument.price_to_ticks(str(instrument.ticks_to_price(count))) == count
    assert instrument.qty_to_lots(instrument.lots_to_qty(count)) == count
    assert Fraction(instrument.ticks_to_price(count)) == count * Fraction(instrument.tick_size)


@given(instruments, st.decimals(allow_nan=False, allow_infinity=False))
def test_a_price_converts_exactly_or_is_an_error(instrument: Instrument, price: Decimal) -> None:
    exact = Fraction(price) / Fraction(instrument.tick_size)
    if exact.denominator == 1 and INT64_MIN <= exact <= INT64_MAX:
        assert instrument.price_to_ticks(price) == exact
    else:
        with pytest.raises(InstrumentError):
            instrument.price_to_ticks(price)


@given(instruments, st.decimals(-(10**9), 10**9, places=9))
def test_the_prices_that_an_error_offers_are_right(instrument: Instrument, price: Decimal) -> None:
    assume(Fraction(price) % Fraction(instrument.tick_size) != 0)
    with pytest.raises(InstrumentError) as caught:
        instrument.price_to_ticks(price)
    low, high = str(caught.value).split("such as ")[1].split(", was")[0].split(" or ")
    assert Decimal(low) < price < Decimal(high)
    assert instrument.price_to_ticks(high) - instrument.price_to_ticks(low) == 1


@given(instruments, small | int64, small | int64)
def test_a_notional_is_the_exact_product_rounded_once(
    instrument: Instrument, price_ticks: int, qty_lots: int
) -> None:
    exact = price_ticks * qty_lots * Fraction(instrument.tick_lot_quote) * 10**6
    micros = round(exact)  # a fraction's half goes to even
    assert Fraction(*instrument.quote_micros_per_tick_lot) * price_ticks * qty_lots == exact
    if INT64_MIN <= micros <= INT64_MAX:
        assert instrument.notional_quote_micros(price_ticks, qty_lots) == micros
    else:
        with pytest.raises(InstrumentError):
            instrument.notional_quote_micros(price_ticks, qty_lots)
