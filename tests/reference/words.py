"""The numbers of the wire under their names, and what the rules say of kinds of commands."""

from hft.core.messages import Kind, Reason

K = {kind.name: int(kind) for kind in Kind}
R = {reason.name: int(reason) for reason in Reason}

BUY, SELL = 1, 2
LIMIT, MARKET, MARKET_TO_LIMIT, STOP, STOP_LIMIT, PEG_BID, PEG_ASK, PEG_MID = range(8)
GTC, IOC, FOK, DAY, GTD = range(5)
POST_ONLY, POST_ONLY_SLIDE, REDUCE_ONLY, HAS_OPTIONS = 1, 2, 4, 128
ONE_INSTRUMENT, ALL_ACCOUNTS = 1, 2
ALLOW, CANCEL_TAKER, CANCEL_MAKER, CANCEL_BOTH, DECREMENT = range(5)
CANCEL_ON_DISCONNECT = 8
OPEN, PRE_OPEN, HALTED, CLOSED = range(4)
JOINED, JOINED_FRONT, SHRANK, LEFT = range(4)

STOPS, PEGS = (STOP, STOP_LIMIT), (PEG_BID, PEG_ASK, PEG_MID)
MAY_REST = (GTC, DAY, GTD)

ANONYMOUS = 0  # the order id of quantity that the recording doesn't name
SOURCE_SHIFT = 56  # an order id's top byte is its source
LOTS_LIMIT = 2**63
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
POSITION_PAIRS = 65_536
SHOWN_AT_LEAST = 1000  # an iceberg's quantity is at most so many times what it shows


def kinds(*names: str) -> set[int]:
    return {K[name] for name in names}


FLOW = range(K["FLOW_ADD"], K["FLOW_FORGET"] + 1)
ORDERS = {*range(K["NEW_ORDER"], K["ADVANCE_TIME"] + 1)} - kinds("ORDER_OPTIONS")
REPORTS = {*range(K["ACCEPTED"], K["RESTATED"] + 1)} - kinds("REFUSED")
NEEDS_SIDE = {*FLOW} - kinds("FLOW_STATUS") | kinds("NEW_ORDER")
NEEDS_QTY = {*FLOW} - kinds("FLOW_DELETE", "FLOW_FORGET", "FLOW_STATUS")
NEEDS_QTY |= kinds("NEW_ORDER", "REPLACE_ORDER")
NAMES_OWN = kinds("CANCEL_ORDER", "REPLACE_ORDER")
NAMES_RECORDED = kinds("FLOW_CANCEL", "FLOW_DELETE", "FLOW_EXECUTE")
ENTERS_OWN = kinds("NEW_ORDER", "REPLACE_ORDER")
ENTERS_RECORDED = kinds("FLOW_ADD", "FLOW_SEED")
OF_NO_INSTRUMENT = kinds("SET_ACCOUNT", "DISCONNECT", "ADVANCE_TIME")


def other(side: int) -> int:
    return SELL if side == BUY else BUY
