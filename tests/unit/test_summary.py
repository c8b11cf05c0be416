"""What a run comes to, reckoned by hand: outcomes of orders, exact positions and profit."""

from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import pytest

from hft.core.messages import (
    MESSAGE,
    PAYLOAD_OF_KIND,
    REPORT,
    Kind,
    Reason,
    Side,
    Source,
    order_id,
)
from hft.errors import UserError
from hft.instruments import Instrument
from hft.oms.records import RecordWriter
from hft.oms.summary import OrderSummary, summarise

AMZN = Instrument("NASDAQ", "AMZN", Decimal("0.0001"), Decimal(1))
BTC = Instrument("BINANCE", "BTCUSDT", Decimal("0.10"), Decimal("0.001"))


def own(number: int) -> int:
    return order_id(Source.SOURCE_STRATEGY, number)


def message(kind: Kind, number: int = 0, **fields: int) -> np.ndarray:
    """One MESSAGE; a report is about own order `number`."""
    array = np.zeros(1, PAYLOAD_OF_KIND[kind])
    array["kind"] = kind
    if number:
        array["order_id"] = own(number)
    for name, value in fields.items():
        array[name] = value
    return array.view(MESSAGE)


def write(folder: Path, instruments: list[Instrument], *messages: np.ndarray) -> None:
    writer = RecordWriter(folder, instruments)
    for each in messages:
        writer.add(0, each)
    writer.close(whole=True)


def fill(number: int, side: Side, lots: int, price_ticks: int, leaves_lots: int) -> np.ndarray:
    return message(
        Kind.FILLED, number, side=side, last_lots=lots, price_ticks=price_ticks,
        leaves_lots=leaves_lots,
    )  # fmt: skip


def test_orders_by_outcome(tmp_path: Path) -> None:
    accepted = [message(Kind.ACCEPTED, number) for number in range(1, 7)]
    rejections = [
        (7, Reason.POST_ONLY_WOULD_MATCH),  # new orders
        (8, Reason.POST_ONLY_WOULD_MATCH),
        (1, Reason.DUPLICATE_ID),
        (2, Reason.INSTRUMENT_HALTED),  # a replace
        (3, Reason.UNKNOWN_ORDER),  # cancels that came too late
        (9, Reason.WRONG_ACCOUNT),
    ]
    write(
        tmp_path,
        [AMZN],
        *accepted,
        *(message(Kind.REJECTED, number, reason=reason) for number, reason in rejections),
        message(Kind.REFUSED, 10, reason=Reason.RISK_POSITION),
        message(Kind.REFUSED, 11, reason=Reason.RISK_KILL_SWITCH),
        message(Kind.REFUSED, 12, reason=Reason.RISK_KILL_SWITCH),
        fill(1, Side.BUY, 1, 100, 2),  # filled completely, in three parts
        fill(1, Side.BUY, 1, 100, 1),
        fill(1, Side.BUY, 1, 100, 0),
        fill(2, Side.BUY, 1, 100, 4),  # partially, then cancelled
        message(Kind.CANCELLED, 2, reason=Reason.REQUESTED, last_lots=4),
        fill(3, Side.BUY, 1, 100, 4),  # partially, still working
        message(Kind.REPLACED, 4, leaves_lots=2),
        message(Kind.CANCELLED, 5, reason=Reason.KILLED, last_lots=4),
    )
    summary = summarise(tmp_path, [AMZN], [None])
    assert summary.orders == OrderSummary(
        sent=9,
        accepted=6,
        filled=1,
        partially_filled=2,
        cancelled=2,
        replaced=1,
        rejected={
            "POST_ONLY_WOULD_MATCH": 2,
            "DUPLICATE_ID": 1,
            "INSTRUMENT_HALTED": 1,
            "UNKNOWN_ORDER": 1,
            "WRONG_ACCOUNT": 1,
        },
        refused={"RISK_KILL_SWITCH": 2, "RISK_POSITION": 1},
    )
    assert next(iter(summary.orders.rejected)) == "POST_ONLY_WOULD_MATCH"
    assert summary.fills == 5


def test_profit_is_cash_and_the_marked_position(tmp_path: Path) -> None:
    write(
        tmp_path,
        [AMZN, BTC],
        message(Kind.TIME, event_ts_ns=34_200_000_000_001),
        fill(1, Side.BUY, 100, 2_239_500, 0),
        fill(2, Side.SELL, 60, 2_240_100, 0),
        message(Kind.TIME, event_ts_ns=34_200_000_000_009),
        message(
            Kind.FILLED, 3, instrument=1, side=Side.SELL, last_lots=7, price_ticks=641_235,
            leaves_lots=0,
        ),
    )  # fmt: skip
    marks = [2 * 2_239_800 + 1, 2 * 641_233]
    summary = summarise(tmp_path, [AMZN, BTC], marks)
    amzn, btc = summary.instruments
    assert (amzn.position_lots, amzn.cash_tick_lots) == (40, -89_544_000)
    # 40 shares at 223.98005 USD, and -8954.40 USD
    assert amzn.pnl_quote == "4.802"
    assert (amzn.fills, amzn.volume_lots) == (2, 160)
    assert (btc.position_lots, btc.position_qty, btc.cash_tick_lots) == (-7, "-0.007", 4_488_645)
    assert btc.pnl_quote == "0.0014"
    assert (summary.first_ts_ns, summary.last_ts_ns) == (34_200_000_000_001, 34_200_000_000_009)

    amzn, btc = summarise(tmp_path, [AMZN, BTC], [marks[0]]).instruments
    assert (amzn.pnl_quote, btc.pnl_quote) == ("4.802", None)


def test_profit_without_a_position_needs_no_mark(tmp_path: Path) -> None:
    write(tmp_path, [AMZN], fill(1, Side.BUY, 3, 7, 0), fill(2, Side.SELL, 3, 5, 0))
    assert summarise(tmp_path, [AMZN]).instruments[0].pnl_quote == "-0.0006"


def test_sums_may_leave_64_bits(tmp_path: Path) -> None:
    fills = [fill(number, Side.BUY, 2**62, 2**62, 0) for number in range(1, 5)]
    trades = [message(Kind.TRADE, qty_lots=2**62, side=Side.BUY)] * 3
    write(tmp_path, [AMZN], *fills, *trades)
    summary = summarise(tmp_path, [AMZN], [0])
    assert summary.traded_lots == 3 * 2**62
    assert summary.instruments[0].position_lots == 2**64
    assert summary.instruments[0].cash_tick_lots == -(2**126)
    # 2 ** 126 ticks are this many ten-thousandths
    assert summary.instruments[0].pnl_quote == "-8507059173023461586584365185794205.2864"


def test_trades_by_maker_and_taker(tmp_path: Path) -> None:
    write(
        tmp_path,
        [AMZN, BTC],
        message(Kind.TRADE, maker_order_id=own(1), taker_order_id=5, qty_lots=1),
        message(Kind.TRADE, maker_order_id=own(1), qty_lots=2),
        message(Kind.TRADE, maker_order_id=4, taker_order_id=own(2), qty_lots=3),
        message(Kind.TRADE, maker_order_id=4, qty_lots=4, instrument=1),
    )
    summary = summarise(tmp_path, [AMZN, BTC])
    assert (summary.trades, summary.own_trades, summary.traded_lots) == (4, 3, 10)
    assert (summary.maker_fills, summary.taker_fills) == (2, 1)
    assert [each.traded_lots for each in summary.instruments] == [6, 4]


def test_a_run_without_records(tmp_path: Path) -> None:
    write(tmp_path, [AMZN, BTC])
    summary = summarise(tmp_path, [AMZN, BTC])
    assert summary.orders == OrderSummary(0, 0, 0, 0, 0, 0, {}, {})
    assert (summary.first_ts_ns, summary.trades, summary.traded_lots) == (None, 0, 0)
    assert [each.pnl_quote for each in summary.instruments] == ["0", "0"]
    assert summary.lines().startswith("time       no records\n")


def test_lines_for_people(tmp_path: Path) -> None:
    write(
        tmp_path,
        [AMZN, BTC],
        message(Kind.TIME, event_ts_ns=34_200_017_459_617),
        message(Kind.ACCEPTED, 1),
        message(Kind.TRADE, maker_order_id=own(1), qty_lots=1500),
        fill(1, Side.BUY, 1500, 2_239_500, 0),
        message(Kind.REFUSED, 2, reason=Reason.RISK_POSITION),
    )
    assert summarise(tmp_path, [AMZN, BTC], [4_479_200, None]).lines().splitlines() == [
        "time       34200.017459617 to 34200.017459617 s",
        "trades     1 of 1,500 lots, 1 own",
        "orders     1 sent, 1 accepted, 0 replaced, 0 cancelled",
        "filled     1 completely, 0 partially",
        "fills      1: 1 maker, 0 taker",
        "rejected   0",
        "refused    1: RISK_POSITION 1",
        "NASDAQ:AMZN: position 1500, profit 15, 1,500 lots in 1 fills",
        "BINANCE:BTCUSDT: position 0, profit 0, 0 lots in 0 fills",
    ]


def test_lines_are_few_with_many_instruments(tmp_path: Path) -> None:
    instruments = [Instrument("X", f"S{index}", Decimal(1), Decimal(1)) for index in range(64)]
    array = np.zeros(1000, REPORT)
    array["kind"], array["last_lots"], array["side"] = Kind.FILLED, 1, Side.BUY
    array["instrument"] = np.arange(1000) % 64
    write(tmp_path, instruments, array.view(MESSAGE))
    summary = summarise(tmp_path, instruments)
    assert len(summary.lines().splitlines()) <= 15
    assert summary.lines().endswith("and 59 more instruments")
    assert sum(each.position_lots for each in summary.instruments) == 1000
    assert msgspec.json.decode(msgspec.json.encode(summary), type=type(summary)) == summary


def test_records_that_are_not_there_or_not_whole(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"trades\.parquet: no such file"):
        summarise(tmp_path, [AMZN])
    writer = RecordWriter(tmp_path, [AMZN])
    with pytest.raises(UserError, match="isn't whole yet"):
        summarise(tmp_path, [AMZN])
    writer.close(whole=True)
    (tmp_path / "trades.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(UserError, match=r"trades\.parquet: can't be read"):
        summarise(tmp_path, [AMZN])
