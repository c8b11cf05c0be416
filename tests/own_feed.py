"""The feed that docs/feeds.md shows, and a day in its format."""

import json
import random
import re
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs/feeds.md"
S = 10**9


def example() -> str:
    """The Python file of the page, of which there is one."""
    (found,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return str(found)


def day(seconds: int) -> str:
    """A market that goes up and down a little, with trades through its levels."""
    draw = random.Random(7)
    events, number, mid = [], 0, 10_000
    for second in range(seconds):
        mid += draw.choice((-2, 0, 2))
        for side, cents in (("buy", mid - 1), ("sell", mid + 1)):
            number += 1
            event = {"id": number, "side": side, "price": f"{cents / 100:.2f}", "qty": 50}
            for place, do in enumerate(("add", "trade")):
                events.append({"ts_ns": second * S + place * S // 2, "do": do, **event})
    events.sort(key=lambda event: event["ts_ns"])
    return "".join(json.dumps(event) + "\n" for event in events)


DAY = day(20)
