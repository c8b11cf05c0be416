"""Random commands: lists that hypothesis shrinks, and long streams that a seed repeats.

Both are biased to what happens in a book: few ids, used again and again, a dozen prices around 100,
own and recorded orders mixed; now and then a field is extreme or invalid.
"""

import numpy as np
from hypothesis import strategies as st

from hft.core.messages import COMMAND, Kind, Side

INSTRUMENTS = 3
OWN = 1 << 56
INT64_MAX, INT64_MIN = 2**63 - 1, -(2**63)

# Ends of the range, and both sides of where a price needs one more node to be found.
ODD_PRICES = [
    *(INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX),
    *(sign * 64**power + step for sign in (-1, 1) for power in (1, 2, 5, 10) for step in (-1, 0)),
]
ODD_LOTS = [INT64_MIN, -1, 0, 2**62, INT64_MAX - 20, INT64_MAX]
RECORDED_IDS = list(range(1, 81))
OWN_IDS = [*range(OWN + 1, OWN + 16), *range(2**64 - 8, 2**64)]
ODD_IDS = [0, OWN - 1, OWN, 2**63]

# How often, of a thousand commands.
KINDS = {
    Kind.FLOW_ADD: 200,
    Kind.FLOW_CANCEL: 70,
    Kind.FLOW_DELETE: 70,
    Kind.FLOW_EXECUTE: 90,
    Kind.FLOW_HIDDEN: 30,
    Kind.FLOW_SEED: 60,
    Kind.FLOW_FORGET: 30,
    Kind.FLOW_STATUS: 20,
    Kind.NEW_ORDER: 250,
    Kind.CANCEL_ORDER: 60,
    Kind.REPLACE_ORDER: 105,
    Kind.MASS_CANCEL: 10,
    0: 1,
    Kind.REPLACED: 1,
    Kind.TIME: 1,
    200: 2,
}
MAY_MEAN_ANONYMOUS = (Kind.FLOW_CANCEL, Kind.FLOW_DELETE, Kind.FLOW_EXECUTE)


def seeded(seed: int, count: int) -> np.ndarray:
    """A stream of commands; the same for the same seed."""
    rng = np.random.default_rng(seed)

    def some(values, weights, dtype=np.int64):
        shares = np.array(weights) / sum(weights)
        return np.array(values, dtype)[rng.choice(len(values), count, p=shares)]

    def mostly(usual, odd, odd_share):
        return np.where(rng.random(count) < odd_share, rng.choice(odd, count), usual)

    commands = np.zeros(count, COMMAND)
    commands["kind"] = some([int(kind) for kind in KINDS], list(KINDS.values()))
    commands["instrument"] = some([0, 1, 2, 3, 65535], [600, 300, 95, 3, 2])
    commands["side"] = some([1, 2, 0, 3, 255], [498, 498, 2, 1, 1])
    commands["order_type"] = some([0, 1, 2, 255], [900, 95, 3, 2])
    commands["time_in_force"] = some([0, 1, 2, 3, 255], [700, 150, 145, 3, 2])
    commands["flags"] = some([0, 1, 2, 3, 255], [850, 130, 14, 4, 2])
    commands["account"] = some([0, 1, 65535], [80, 15, 5])
    # Buys and sells overlap a little, so that books are deep and still trade.
    around = 94 + rng.binomial(12, 0.5, count) + np.where(commands["side"] == Side.BUY, -1, 1)
    commands["price_ticks"] = mostly(around, np.array(ODD_PRICES, np.int64), 0.02)
    commands["qty_lots"] = mostly(rng.integers(1, 21, count), np.array(ODD_LOTS, np.int64), 0.01)

    own = np.isin(commands["kind"], range(Kind.NEW_ORDER, Kind.MASS_CANCEL + 1))
    own ^= rng.random(count) < 0.01
    ids = np.where(
        own,
        rng.choice(np.array(OWN_IDS, np.uint64), count),
        rng.choice(np.array(RECORDED_IDS, np.uint64), count),
    )
    ids[np.isin(commands["kind"], MAY_MEAN_ANONYMOUS) & (rng.random(count) < 0.2)] = 0
    commands["order_id"] = mostly(ids, np.array(ODD_IDS, np.uint64), 0.005)

    # A cause is the sequence's low half: let it wrap.
    commands["sequence"] = 2**32 - count // 2 + np.arange(count)
    commands["origin_ts_ns"] = rng.integers(0, 2**40, count)
    commands["event_ts_ns"] = np.cumsum(rng.integers(0, 1000, count))
    return commands


def usually(usual: list[int], odd: list[int]) -> st.SearchStrategy[int]:
    """One of the usual values, rarely an odd one; it shrinks to the first."""
    return st.sampled_from([*(usual * (1 + 16 * len(odd) // len(usual))), *odd])


def one_command() -> st.SearchStrategy[dict[str, int]]:
    """The fields of a command, shrinking to a plain order at 100."""
    kinds = [int(kind) for kind, times in KINDS.items() for _ in range(-(-times // 20))]
    return st.fixed_dictionaries(
        {
            "kind": st.sampled_from(sorted(kinds, key=lambda kind: kind != Kind.NEW_ORDER)),
            "instrument": usually([0, 0, 0, 1, 2], [3, 65535]),
            "side": usually([1, 2], [0, 3, 255]),
            "order_type": usually([0, 0, 0, 0, 1], [2]),
            "time_in_force": usually([0, 0, 0, 0, 1, 2], [3]),
            "flags": usually([0, 0, 0, 1], [2]),
            "account": usually([0], [1, 65535]),
            "price_ticks": usually([100, 101, 99, 102, 98, 103, 97, 104, 96, 105], ODD_PRICES),
            "qty_lots": usually([1, 2, 3, 5, 10, 20], ODD_LOTS),
            "number": st.integers(0, 7),
            "foreign": usually([0], [1]),
        }
    ).map(with_id)


def with_id(fields: dict[str, int]) -> dict[str, int]:
    """An order id that suits the kind, or with `foreign` one that doesn't."""
    number, foreign, kind = fields.pop("number"), fields.pop("foreign"), fields["kind"]
    own = (Kind.NEW_ORDER <= kind <= Kind.MASS_CANCEL) != bool(foreign)
    if kind in MAY_MEAN_ANONYMOUS and number == 7:
        fields["order_id"] = 0
    else:
        fields["order_id"] = number + (OWN + 1 if own else 1)
    return fields


def command_lists(longest: int = 60) -> st.SearchStrategy[list[dict[str, int]]]:
    return st.lists(one_command(), max_size=longest)
