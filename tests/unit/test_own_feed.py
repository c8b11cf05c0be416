"""A feed of one's own is one file: the documented one works, and what is wrong in one is a line."""

import re
from pathlib import Path

import numpy as np
import pytest

from hft.core import MatchingEngine
from hft.core.messages import Kind
from hft.errors import FeedError
from hft.feeds import open_feed
from tests.own_feed import DAY, example

GOOD = example()


def test_the_example_of_the_page_runs(tmp_path: Path) -> None:
    (tmp_path / "my_feed.py").write_text(GOOD)
    (tmp_path / "day.jsonl").write_text(DAY)
    assert 35 <= len(GOOD.splitlines()) <= 50
    feed = open_feed(f"{tmp_path}/my_feed.py:{tmp_path}/day.jsonl")
    assert feed.name == f"jsonl {tmp_path}/day.jsonl"
    engine = MatchingEngine()
    answers = np.concatenate([engine.process_all(chunk) for chunk in feed.chunks()])
    assert engine.counts()["rejected"] == 0
    assert (answers["kind"] == Kind.TRADE).sum() == DAY.count('"trade"') > 0


def test_the_example_names_the_line_of_a_bad_event(tmp_path: Path) -> None:
    (tmp_path / "my_feed.py").write_text(GOOD)
    path = tmp_path / "day.jsonl"
    for bad in ("{", '{"ts_ns": 1}', DAY.splitlines()[0].replace("add", "ad")):
        path.write_text(DAY.splitlines()[0] + "\n" + bad + "\n")
        feed = open_feed(f"{tmp_path}/my_feed.py:{path}")
        with pytest.raises(FeedError, match=f"^{re.escape(str(path))}: line 2: is no event: "):
            list(feed.chunks())


def test_the_example_looks_for_its_file_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "my_feed.py").write_text(GOOD)
    with pytest.raises(FeedError, match=r"^none\.jsonl: no such file$"):
        open_feed(f"{tmp_path}/my_feed.py:none.jsonl")


HEAD = "import numpy as np\nfrom hft.core.messages import COMMAND\nfrom hft.feeds import Feed\n"
NO_CLASS = "must define one class that is a Feed (from hft.feeds import Feed), was "
INIT = """
    def __init__(self, argument, options):
        from decimal import Decimal; from hft.instruments import Instrument
        self.instruments = [Instrument("MINE", "ABC", Decimal(1), Decimal(1))]
"""
FLOW = "line 4, A: must yield arrays of dtype COMMAND and one dimension from chunks()"
CHUNKS = "\n    def chunks(self):\n        yield "


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("class (:\n", "line 1: is not Python: invalid syntax"),
        ("x = '\0'\n", "is not Python: source code string cannot contain null bytes"),
        ("\nexit(3)\n", "line 2: SystemExit: 3"),
        ("\nimport no_such\n", "line 2: ModuleNotFoundError: No module named 'no_such'"),
        ("import os\n\nraise ValueError('two\\nlines')\n", "line 3: ValueError: two lines"),
        ("\n\nopen('none.txt')\n", "line 3: FileNotFoundError: [Errno 2] No such file"),
        ("x = 1\n", NO_CLASS + "'none'"),
        (HEAD, NO_CLASS + "'none'"),
        (HEAD + "class A(Feed): pass\nclass B(Feed): pass\n", NO_CLASS + "'A, B'"),
        (HEAD + "class A(Feed): pass\nB = A\n", "line 4, A: must define __init__, chunks"),
        (HEAD + "\nclass A(Feed):\n    pass\n", "line 5, A: must define __init__, chunks"),
        (HEAD + f"class A(Feed):{INIT}", "line 4, A: must define chunks"),
        (
            HEAD + f"class A(Feed):\n    def __init__(self, argument, options): pass{CHUNKS}1\n",
            "line 4, A: must set `instruments` to a list of Instrument",
        ),
        (
            HEAD + f"class A(Feed):\n    def __init__(self, argument):\n        pass\n{CHUNKS}1\n",
            "TypeError: A.__init__() takes 2 positional arguments but 3 were given",
        ),
        (
            HEAD + f"class A(Feed):\n    def __init__(self, *given):\n        1 / 0\n{CHUNKS}1",
            "line 6: ZeroDivisionError: division by zero",
        ),
    ],
)  # fmt: skip
def test_a_bad_file_is_an_error_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "bad.py"
    path.write_text(text)
    with pytest.raises(FeedError) as caught:
        open_feed(f"{path}:x")
    assert str(caught.value).startswith(f"{path}: {problem}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("[1, 2]", FLOW),
        ("np.zeros(3)", FLOW),
        ("np.zeros((2, 2), COMMAND)", FLOW),
        ("np.zeros((), COMMAND)", FLOW),
        ("exit(3)", "line 10: SystemExit: 3"),
        ("np.zeros(2, COMMAND)[::-1]; 1 / 0", "line 10: ZeroDivisionError"),
        (
            "from_times(3, 2)\ndef from_times(*times):\n    made = np.zeros(2, COMMAND)\n"
            "    made['event_ts_ns'] = times\n    return made",
            "line 4, A: must yield commands whose times never go back",
        ),
    ],
)
def test_a_bad_flow_is_an_error_with_its_line(tmp_path: Path, value: str, problem: str) -> None:
    path = tmp_path / "bad.py"
    path.write_text(f"{HEAD}class A(Feed):{INIT}{CHUNKS}{value}\n")
    with pytest.raises(FeedError) as caught:
        list(open_feed(f"{path}:x").chunks())
    assert str(caught.value).startswith(f"{path}: {problem}")


def test_a_file_that_isn_t_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match=r"no\.py: can't be read: No such file or directory$"):
        open_feed(f"{tmp_path}/no.py:x")
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(FeedError, match=r"folder\.py: can't be read: Is a directory$"):
        open_feed(f"{tmp_path}/folder.py")
