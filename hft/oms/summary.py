"""What a run's records come to: orders by outcome, trades, positions and profit."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hft.core.messages import SOURCE_SHIFT, Kind, Reason, Side
from hft.errors import UserError
from hft.instruments import EXACT, Instrument
from hft.oms.records import PARTIAL, REPORTS, TRADES

__all__ = ["InstrumentSummary", "OrderSummary", "Summary", "summarise"]

TRADE_COLUMNS = ["event_ts_ns", "instrument", "qty_lots", "maker_order_id", "taker_order_id", "own"]
REPORT_COLUMNS = [
    "event_ts_ns", "kind", "instrument", "order_id", "price_ticks", "last_lots", "leaves_lots",
    "reason", "side",
]  # fmt: skip

# Products and sums of 64-bit counts, exactly.
COUNT = pa.decimal256(19, 0)

# Only a cancel or a replace is rejected for these.
NOT_OF_NEW_ORDERS = (Reason.UNKNOWN_ORDER, Reason.WRONG_ACCOUNT)

INSTRUMENTS_SHOWN_MAX = 5


class OrderSummary(msgspec.Struct, frozen=True):
    """Own orders by what became of them; an order may count under several of these.

    `sent` are the new orders that passed the risk gate and reached the engine. An order is `filled`
    when nothing of it is left to fill, `partially_filled` if that never happened to it. `rejected`
    and `refused` count orders, cancels and replaces by reason.
    """

    sent: int
    accepted: int
    filled: int
    partially_filled: int
    cancelled: int
    replaced: int
    rejected: dict[str, int]
    refused: dict[str, int]


class InstrumentSummary(msgspec.Struct, frozen=True):
    """One instrument; `volume_lots` are those of own fills, `traded_lots` of everybody's trades.

    `pnl_quote` is the cash that own fills brought and what the position is worth at the mark, as
    exact decimal text; None where there is a position and no mark.
    """

    instrument: str
    trades: int
    traded_lots: int
    fills: int
    volume_lots: int
    position_lots: int
    position_qty: str
    cash_tick_lots: int
    pnl_quote: str | None


class Summary(msgspec.Struct, frozen=True):
    """A run. The times are those of its first and last record, None if there is none."""

    first_ts_ns: int | None
    last_ts_ns: int | None
    orders: OrderSummary
    fills: int
    maker_fills: int
    taker_fills: int
    trades: int
    own_trades: int
    traded_lots: int
    instruments: list[InstrumentSummary]

    def lines(self) -> str:
        """A dozen lines of text, for people."""
        orders = self.orders
        span = "no records"
        if self.first_ts_ns is not None and self.last_ts_ns is not None:
            span = f"{seconds(self.first_ts_ns)} to {seconds(self.last_ts_ns)} s"
        # Those that own orders moved come first.
        shown = sorted(self.instruments, key=lambda each: each.volume_lots, reverse=True)
        lines = [
            f"time       {span}",
            f"trades     {self.trades:,} of {self.traded_lots:,} lots, {self.own_trades:,} own",
            f"orders     {orders.sent:,} sent, {orders.accepted:,} accepted, "
            f"{orders.replaced:,} replaced, {orders.cancelled:,} cancelled",
            f"filled     {orders.filled:,} completely, {orders.partially_filled:,} partially",
            f"fills      {self.fills:,}: {self.maker_fills:,} maker, {self.taker_fills:,} taker",
            f"rejected   {by_reason(orders.rejected)}",
            f"refused    {by_reason(orders.refused)}",
        ]
        for each in shown[:INSTRUMENTS_SHOWN_MAX]:
            profit = "unknown without a mark" if each.pnl_quote is None else each.pnl_quote
            lines.append(
                f"{each.instrument}: position {each.position_qty}, profit {profit}, "
                f"{each.volume_lots:,} lots in {each.fills:,} fills"
            )
        if len(shown) > INSTRUMENTS_SHOWN_MAX:
            lines.append(f"and {len(shown) - INSTRUMENTS_SHOWN_MAX:,} more instruments")
        return "\n".join(lines)


def summarise(
    folder: Path, instruments: Sequence[Instrument], mark_half_ticks: Sequence[int | None] = ()
) -> Summary:
    """What the records in a folder come to.

    `mark_half_ticks` has per instrument its best bid plus best ask, None where there is no mark.
    """
    trades = read(folder / TRADES, TRADE_COLUMNS)
    reports = read(folder / REPORTS, REPORT_COLUMNS)
    marks = [*mark_half_ticks, *[None] * (len(instruments) - len(mark_half_ticks))]
    fills = of_kind(reports, Kind.FILLED)
    traded, filled = traded_by_instrument(trades), filled_by_instrument(fills)
    first_ts_ns, last_ts_ns = time_range(trades, reports)
    return Summary(
        first_ts_ns=first_ts_ns,
        last_ts_ns=last_ts_ns,
        orders=order_summary(reports, fills),
        fills=len(fills),
        maker_fills=own_count(trades["maker_order_id"]),
        taker_fills=own_count(trades["taker_order_id"]),
        trades=len(trades),
        own_trades=pc.sum(trades["own"], min_count=0).as_py(),
        traded_lots=sum(row["lots"] for row in traded.values()),
        instruments=[
            instrument_summary(instrument, traded.get(index), filled.get(index), mark)
            for index, (instrument, mark) in enumerate(zip(instruments, marks, strict=True))
        ],
    )


def read(path: Path, columns: list[str]) -> pa.Table:
    """The columns of a whole file of records."""
    try:
        return pq.read_table(path, columns=columns)
    except FileNotFoundError:
        problem = "no such file"
        if path.with_name(path.name + PARTIAL).exists():
            problem = "isn't whole yet, or its run was cut short; the journal has everything"
        raise UserError(problem, file=path) from None
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"can't be read: {error}", file=path) from None


def of_kind(reports: pa.Table, kind: Kind) -> pa.Table:
    return reports.filter(pc.equal(reports["kind"], kind.name))


def own_count(ids: pa.ChunkedArray) -> int:
    """How many of the ids are own orders'."""
    return int(np.count_nonzero(ids.to_numpy() >> SOURCE_SHIFT))


def time_range(*tables: pa.Table) -> tuple[int | None, int | None]:
    times_ns = pa.chunked_array(
        [chunk for table in tables for chunk in table["event_ts_ns"].chunks], pa.int64()
    )
    found = pc.min_max(times_ns).as_py()
    return found["min"], found["max"]


def order_summary(reports: pa.Table, fills: pa.Table) -> OrderSummary:
    accepted = of_kind(reports, Kind.ACCEPTED)
    rejected = of_kind(reports, Kind.REJECTED)
    complete = fills.filter(pc.equal(fills["leaves_lots"], 0))
    return OrderSummary(
        sent=len(accepted) + rejected_new_orders(rejected, accepted),
        accepted=len(accepted),
        filled=len(complete),
        partially_filled=pc.count_distinct(fills["order_id"]).as_py()
        - pc.count_distinct(complete["order_id"]).as_py(),
        cancelled=len(of_kind(reports, Kind.CANCELLED)),
        replaced=len(of_kind(reports, Kind.REPLACED)),
        rejected=reasons(rejected),
        refused=reasons(of_kind(reports, Kind.REFUSED)),
    )


def rejected_new_orders(rejected: pa.Table, accepted: pa.Table) -> int:
    """How many rejections were of new orders: those whose id no accepted order has.

    A replace that is rejected names an accepted order; a new order does so only as a duplicate.
    """
    reason = rejected["reason"].cast(pa.string())
    known = pc.is_in(rejected["order_id"], value_set=accepted["order_id"].combine_chunks())
    others = pa.array([each.name for each in NOT_OF_NEW_ORDERS])
    is_new = pc.and_(
        pc.invert(pc.is_in(reason, value_set=others)),
        pc.or_(pc.invert(known), pc.equal(reason, Reason.DUPLICATE_ID.name)),
    )
    return int(pc.sum(is_new, min_count=0).as_py())


def reasons(reports: pa.Table) -> dict[str, int]:
    """How many reports each reason has, the commonest first."""
    counts = pc.value_counts(reports["reason"].cast(pa.string())).to_pylist()
    counts.sort(key=lambda each: (-each["counts"], str(each["values"])))
    return {str(each["values"]): each["counts"] for each in counts}


def sums(table: pa.Table, columns: dict[str, pa.ChunkedArray]) -> dict[int, dict[str, int]]:
    """Per instrument the exact sums of the columns, and as `rows` how many they were."""
    grouped = pa.table({"instrument": table["instrument"], **columns}).group_by("instrument")
    aggregates = [*((name, "sum") for name in columns), ([], "count_all")]
    return {
        row["instrument"]: {
            "rows": row["count_all"],
            **{name: int(row[f"{name}_sum"]) for name in columns},
        }
        for row in grouped.aggregate(aggregates).to_pylist()
    }


def traded_by_instrument(trades: pa.Table) -> dict[int, dict[str, int]]:
    return sums(trades, {"lots": trades["qty_lots"].cast(COUNT)})


def filled_by_instrument(fills: pa.Table) -> dict[int, dict[str, int]]:
    lots = fills["last_lots"].cast(COUNT)
    bought = pc.if_else(pc.equal(fills["side"], Side.BUY.name), lots, pc.negate(lots))
    cost = pc.multiply(bought, fills["price_ticks"].cast(COUNT))
    return sums(fills, {"lots": lots, "bought": bought, "cost": cost})


def instrument_summary(
    instrument: Instrument,
    traded: dict[str, int] | None,
    filled: dict[str, int] | None,
    mark_half_ticks: int | None,
) -> InstrumentSummary:
    traded = traded or {"rows": 0, "lots": 0}
    filled = filled or {"rows": 0, "lots": 0, "bought": 0, "cost": 0}
    position_lots = filled["bought"]
    profit = None
    if mark_half_ticks is not None or position_lots == 0:
        half_tick_lots = position_lots * (mark_half_ticks or 0) - 2 * filled["cost"]
        tick_lots = EXACT.multiply(Decimal(half_tick_lots), Decimal("0.5"))
        profit = plain(EXACT.multiply(tick_lots, instrument.tick_lot_quote))
    return InstrumentSummary(
        instrument=instrument.name,
        trades=traded["rows"],
        traded_lots=traded["lots"],
        fills=filled["rows"],
        volume_lots=filled["lots"],
        position_lots=position_lots,
        position_qty=plain(instrument.lots_to_qty(position_lots)),
        cash_tick_lots=-filled["cost"],
        pnl_quote=profit,
    )


def plain(value: Decimal) -> str:
    """A decimal as text, without an exponent or needless zeros."""
    return f"{value.normalize(EXACT):f}"


def seconds(ts_ns: int) -> str:
    return f"{Decimal(ts_ns).scaleb(-9):f}"


def by_reason(counts: dict[str, int]) -> str:
    if not counts:
        return "0"
    shown = ", ".join(f"{reason} {count:,}" for reason, count in counts.items())
    return f"{sum(counts.values()):,}: {shown}"
