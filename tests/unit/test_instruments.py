"""Decimals become integers exactly, or an error says what would be right."""

from decimal import Decimal

import pytest

from hft.errors import InstrumentError
from hft.instruments import Instrument

AMZN = Instrument("NASDAQ", "AMZN", Decimal("0.0001"), Decimal(1), order_increment_ticks=100)
BTC = Instrument("BINANCE", "BTCUSDT", Decimal("0.10"), Decimal("0.001"))
HALF_CENT = Instrument("X", "Y", Decimal("0.5"), Decimal("0.000001"))  # 1 tick-lot = 0.5 micros

TOO_FAR = "must be at most 9.2e18 ticks of 0.10 above or below 0"


def test_conversions_of_an_instrument() -> None:
    assert AMZN.name == "NASDAQ:AMZN"
    assert AMZN.price_to_ticks("223.95") == 2_239_500
    assert str(AMZN.ticks_to_price(2_239_500)) == "223.9500"
    assert BTC.price_to_ticks(Decimal("64123.4")) == 641_234
    assert BTC.price_to_ticks(-3) == -30
    assert BTC.qty_to_lots("0.003") == 3
    assert str(BTC.lots_to_qty(3)) == "0.003"
    assert BTC.tick_lot_quote == Decimal("0.0001")
    assert BTC.quote_micros_per_tick_lot == (100, 1)
    assert HALF_CENT.quote_micros_per_tick_lot == (1, 2)


@pytest.mark.parametrize(
    ("price", "problem"),
    [
        ("64123.45", "must be a multiple of 0.10, such as 64123.40 or 64123.50, was '64123.45'"),
        ("-0.05", "must be a multiple of 0.10, such as -0.10 or 0.00, was '-0.05'"),
        (Decimal("0.01"), "must be a multiple of 0.10, such as 0.00 or 0.10, was 0.01"),
        ("12,5", "must be a decimal number, was '12,5'"),
        ("", "must be a decimal number, was ''"),
        ("nan", "must be a finite number, was 'nan'"),
        ("-inf", "must be a finite number, was '-inf'"),
        ("922337203685477580.8", f"{TOO_FAR}, was '922337203685477580.8'"),
        ("-1e99", f"{TOO_FAR}, was '-1e99'"),
        ("1e999999", f"{TOO_FAR}, was '1e999999'"),
    ],
)
def test_a_price_off_the_grid_is_an_error_that_says_what_is_right(
    price: str | Decimal, problem: str
) -> None:
    with pytest.raises(InstrumentError) as caught:
        BTC.price_to_ticks(price)
    assert str(caught.value) == f"BINANCE:BTCUSDT price: {problem}"


def test_a_quantity_off_the_grid_names_the_field() -> None:
    with pytest.raises(InstrumentError, match=r"qty: must be a multiple of 0\.001") as caught:
        BTC.qty_to_lots("0.0005")
    assert caught.value.value == "0.0005"


def test_the_ends_of_64_bits_convert() -> None:
    assert BTC.price_to_ticks("922337203685477580.7") == 2**63 - 1
    assert BTC.price_to_ticks("-922337203685477580.8") == -(2**63)


def test_a_float_is_refused() -> None:
    with pytest.raises(TypeError, match="must be exact"):
        BTC.price_to_ticks(0.1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("price_ticks", "qty_lots", "micros"),
    [(1, 1, 0), (3, 1, 2), (5, 1, 2), (-1, 1, 0), (-3, 1, -2), (2, 7, 7), (0, 9, 0)],
)
def test_a_notional_rounds_halves_to_even(price_ticks: int, qty_lots: int, micros: int) -> None:
    assert HALF_CENT.notional_quote_micros(price_ticks, qty_lots) == micros


def test_a_notional_of_a_recorded_trade() -> None:
    # 100 shares at USD 223.95
    assert AMZN.notional_quote_micros(2_239_500, 100) == 22_395_000_000


def test_a_notional_outside_64_bits_is_an_error() -> None:
    with pytest.raises(InstrumentError, match=r"notional: of .* must fit 64 bits"):
        AMZN.notional_quote_micros(2**40, 2**40)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"venue": ""}, "venue: must not be empty"),
        ({"symbol": ""}, "symbol: must not be empty"),
        ({"tick_size": Decimal(0)}, "tick_size: must be a finite number above 0, was 0"),
        ({"lot_size": Decimal("-1")}, "lot_size: must be a finite number above 0, was -1"),
        ({"lot_size": Decimal("nan")}, "lot_size: must be a finite number above 0, was NaN"),
        ({"order_increment_ticks": 0}, "order_increment_ticks: must be at least 1, was 0"),
        ({"tick_size": Decimal("1e-30")}, "must make a ratio of quote micros whose parts fit"),
        ({"lot_size": Decimal("9" * 70)}, "must have a product of at most 60 digits"),
    ],
)
def test_an_impossible_instrument_is_an_error(change: dict[str, object], problem: str) -> None:
    fields: dict[str, object] = {
        "venue": "V", "symbol": "S", "tick_size": Decimal("0.01"), "lot_size": Decimal("0.1")
    }  # fmt: skip
    with pytest.raises(InstrumentError, match=problem):
        Instrument(**{**fields, **change})  # type: ignore[arg-type]
