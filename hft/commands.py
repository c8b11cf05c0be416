"""Commands for the matching engine as arrays, and its answers in words.

A command is one 64-byte message, an order with options two: all functions here give a MESSAGE
array, and NumPy's `concatenate` makes a batch of several. The rules are in docs/engine.md.
"""

import numpy as np
import numpy.typing as npt

from hft.core.messages import (
    BOOK_LEVEL_DTYPE,
    BOOK_ORDER_DTYPE,
    BOOK_TOP_DTYPE,
    COMMAND,
    INSTRUMENT_RULES,
    MESSAGE,
    ORDER_OPTIONS_DTYPE,
    REPORT,
    TRADE_DTYPE,
    BookAction,
    InstrumentState,
    Kind,
    MassCancelFlag,
    OrderFlag,
    OrderType,
    Reason,
    SelfTradeRule,
    Side,
    TimeInForce,
)

__all__ = [
    "advance_time",
    "cancel",
    "describe",
    "disconnect",
    "list_instrument",
    "mass_cancel",
    "order",
    "replace",
    "retire_instrument",
    "set_account",
    "set_position",
    "set_state",
]

Messages = npt.NDArray[np.void]  # of dtype hft.core.messages.MESSAGE
INT64_MAX = 2**63 - 1
ACTIONS = {
    BookAction.ORDER_JOINED: "joined",
    BookAction.ORDER_JOINED_FRONT: "joined the front",
    BookAction.ORDER_SHRANK: "shrank",
    BookAction.ORDER_LEFT: "left",
}


def command(kind: Kind, **fields: int) -> Messages:
    record = np.zeros(1, COMMAND)
    record["kind"] = kind
    for name, value in fields.items():
        record[name] = value
    return record.view(MESSAGE)


def with_options(first: Messages, **options: int) -> Messages:
    """A command and the slot of its options behind it."""
    first.view(COMMAND)["flags"] |= np.uint8(OrderFlag.HAS_OPTIONS)
    second = np.zeros(1, ORDER_OPTIONS_DTYPE)
    second["kind"] = Kind.ORDER_OPTIONS
    for name, value in options.items():
        second[name] = value
    return np.concatenate([first, second.view(MESSAGE)])


def order(
    order_id: int,
    side: Side,
    qty_lots: int,
    price_ticks: int = 0,
    *,
    order_type: OrderType = OrderType.LIMIT,
    time_in_force: TimeInForce = TimeInForce.GTC,
    flags: int = 0,
    account: int = 0,
    instrument: int = 0,
    event_ts_ns: int = 0,
    sequence: int = 0,
    **options: int,
) -> Messages:
    """A new order, of two messages if it has options.

    Options are those of ORDER_OPTIONS_DTYPE: `trigger_ticks` (of a stop; a peg's offset),
    `display_lots`, `min_lots`, `expiry_ts_ns`, `linked_order_id`. `price_ticks` is the limit, of a
    peg too. ValueError for an option that there is none of that name.
    """
    known = ORDER_OPTIONS_DTYPE.names[-5:] if ORDER_OPTIONS_DTYPE.names else ()
    for name in options:
        if name not in known:
            raise ValueError(f"an order's options are {', '.join(known)}, not {name!r}")
    first = command(
        Kind.NEW_ORDER,
        order_id=order_id,
        side=side,
        qty_lots=qty_lots,
        price_ticks=price_ticks,
        order_type=order_type,
        time_in_force=time_in_force,
        flags=flags,
        account=account,
        instrument=instrument,
        event_ts_ns=event_ts_ns,
        sequence=sequence,
    )
    return with_options(first, **options) if options else first


def replace(
    order_id: int, qty_lots: int, price_ticks: int, *, trigger_ticks: int | None = None, **more: int
) -> Messages:
    """A new quantity (all that is to be left) and price for a live order.

    `trigger_ticks` is for a stop that waits, and a peg's offset; None leaves it. `more`: `account`,
    `instrument`, `event_ts_ns`, `sequence`.
    """
    first = command(
        Kind.REPLACE_ORDER, order_id=order_id, qty_lots=qty_lots, price_ticks=price_ticks, **more
    )
    return first if trigger_ticks is None else with_options(first, trigger_ticks=trigger_ticks)


def cancel(order_id: int, **more: int) -> Messages:
    """`more`: `account`, `instrument`, `event_ts_ns`, `sequence`."""
    return command(Kind.CANCEL_ORDER, order_id=order_id, **more)


def mass_cancel(
    account: int | None, *, instrument: int | None = None, side: int = 0, **more: int
) -> Messages:
    """Of an account or, with None, of all; on one instrument or on all; of one side or of both."""
    flags = MassCancelFlag.ALL_ACCOUNTS if account is None else 0
    flags |= 0 if instrument is None else MassCancelFlag.ONE_INSTRUMENT
    return command(
        Kind.MASS_CANCEL,
        account=account or 0,
        instrument=instrument or 0,
        side=side,
        flags=flags,
        **more,
    )


def set_account(
    account: int,
    self_trade: SelfTradeRule = SelfTradeRule.SELF_TRADE_ALLOW,
    *,
    cancel_on_disconnect: bool = False,
    **more: int,
) -> Messages:
    """The rules of an account."""
    return command(
        Kind.SET_ACCOUNT, account=account, flags=self_trade | 8 * cancel_on_disconnect, **more
    )


def set_position(account: int, instrument: int, qty_lots: int, **more: int) -> Messages:
    """Tell the engine a position; from then on it counts the account's fills itself."""
    return command(
        Kind.SET_POSITION, account=account, instrument=instrument, qty_lots=qty_lots, **more
    )


def disconnect(account: int, **more: int) -> Messages:
    """The session of an account was lost."""
    return command(Kind.DISCONNECT, account=account, **more)


def advance_time(event_ts_ns: int, **more: int) -> Messages:
    """Nothing happened until then: what expires by it, expires."""
    return command(Kind.ADVANCE_TIME, event_ts_ns=event_ts_ns, **more)


def set_state(instrument: int, state: InstrumentState, **more: int) -> Messages:
    """Open, halt or close an instrument."""
    return command(Kind.FLOW_STATUS, instrument=instrument, flags=state, **more)


def list_instrument(
    instrument: int,
    *,
    price_step_ticks: int = 1,
    qty_step_lots: int = 1,
    price_min_ticks: int = -INT64_MAX - 1,
    price_max_ticks: int = INT64_MAX,
    qty_max_lots: int = INT64_MAX,
) -> Messages:
    """List an instrument with its rules; it begins in PRE_OPEN."""
    record = np.zeros(1, INSTRUMENT_RULES)
    record["kind"] = Kind.LIST_INSTRUMENT
    record["instrument"] = instrument
    record["price_step_ticks"], record["qty_step_lots"] = price_step_ticks, qty_step_lots
    record["price_min_ticks"], record["price_max_ticks"] = price_min_ticks, price_max_ticks
    record["qty_max_lots"] = qty_max_lots
    return record.view(MESSAGE)


def retire_instrument(instrument: int, **more: int) -> Messages:
    """Cancel everything on an instrument and unlist it."""
    return command(Kind.RETIRE_INSTRUMENT, instrument=instrument, **more)


# Answers in words


def describe(answers: Messages) -> list[str]:
    """A line for each answer of the engine; orders go by their number, without the source."""
    return [in_words(answers[place : place + 1]) for place in range(len(answers))]


def number(order_id: int) -> str:
    return f"order {order_id % 2**56}" if order_id else "anonymous"


def in_words(answer: Messages) -> str:
    kind = Kind(int(answer["kind"][0]))
    if kind == Kind.TRADE:
        trade = answer.view(TRADE_DTYPE)[0]
        sides = (
            f"{number(int(trade['maker_order_id']))} with {number(int(trade['taker_order_id']))}"
        )
        return f"trade: {trade['qty_lots']} at {trade['price_ticks']}, {sides}"
    if kind == Kind.BOOK_TOP:
        top = answer.view(BOOK_TOP_DTYPE)[0]
        bid = f"{top['bid_lots']} at {top['bid_price_ticks']}" if top["bid_lots"] else "none"
        ask = f"{top['ask_lots']} at {top['ask_price_ticks']}" if top["ask_lots"] else "none"
        return f"best: bid {bid}, ask {ask}"
    if kind == Kind.BOOK_LEVEL:
        level = answer.view(BOOK_LEVEL_DTYPE)[0]
        side = "buy" if level["side"] == Side.BUY else "sell"
        return f"level: {side} {level['lots']} at {level['price_ticks']}"
    if kind == Kind.BOOK_ORDER:
        told = answer.view(BOOK_ORDER_DTYPE)[0]
        action = ACTIONS[BookAction(int(told["action"]))]
        return (
            f"book: {number(int(told['order_id']))} {action}, "
            f"{told['leaves_lots']} at {told['price_ticks']}"
        )
    report = answer.view(REPORT)[0]
    reason = Reason(int(report["reason"])).name
    why = "" if reason == "NONE" else f" ({reason})"
    if not report["order_id"]:
        return f"command: {kind.name}{why}"
    text = f"{number(int(report['order_id']))}: {kind.name}{why}"
    if kind == Kind.REJECTED:
        return text
    if kind in (Kind.FILLED, Kind.CANCELLED):
        text += f" {report['last_lots']}"
    return f"{text} at {report['price_ticks']}, leaves {report['leaves_lots']}"
