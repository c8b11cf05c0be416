"""docs/orders.md: every example runs and prints what stands below it."""

import contextlib
import io
import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs/orders.md"
EXAMPLE = re.compile(
    r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL
)


def printed(page: str) -> list[tuple[str, str, str]]:
    """Each example, what the page says that it prints, and what it prints."""
    names: dict[str, Any] = {}
    found = []
    for code, expected in EXAMPLE.findall(page):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            exec(compile(code, PAGE.name, "exec"), names)
        found.append((code, expected, output.getvalue()))
    return found


def test_the_examples_print_what_the_page_says() -> None:
    """A reader who types them in sees the same."""
    examples = printed(PAGE.read_text())
    assert len(examples) > 15
    for code, expected, output in examples:
        assert output == expected, code
