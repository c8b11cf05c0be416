"""A person's own strategy: loaded, or refused in one line that says what is wrong and where."""

import logging
import random
import sys
import textwrap
from decimal import Decimal

import pytest

from hft.config import Config, StrategyConfig
from hft.core.python_strategy import Context, PythonStrategy
from hft.errors import ConfigError, ConfigErrors, StrategyError
from hft.instruments import Instrument
from hft.strategies import BUILT_IN, build_strategies, check_strategy
from hft.strategies.base import CALLBACKS

INSTRUMENTS = [Instrument("SIM", "TEST", Decimal("0.01"), Decimal(1))]

GOOD = """
from typing import Annotated
import msgspec
from hft.strategies import Parameters, Strategy

class Lean(Strategy):
    class Parameters(Parameters):
        threshold: float = 0.5
        lots: Annotated[int, msgspec.Meta(ge=1, le=10)] = 1

    def on_book(self, ctx, book):
        pass
"""

# A file, the line that the error names, and what it says.
BAD_FILES = {
    "syntax": ("def f(:\n", 1, "can't be imported: SyntaxError: "),
    "import": ("x = 1\nimport no_such_module\n", 2, "ModuleNotFoundError: No module named 'no_s"),
    "raises": ("\n\n1 / 0\n", 3, "can't be imported: ZeroDivisionError: division by zero"),
    "exits": ("import sys\nsys.exit(3)\n", 2, "can't be imported: SystemExit: 3"),
    "no text": (
        "class Mute(Exception):\n    def __str__(self):\n        1 / 0\nraise Mute\n",
        4,
        "can't be imported: Mute: an exception without a text",
    ),
    "nothing": ("x = 1\n", None, "must define exactly one subclass of hft.strategies.Strategy, wa"),
    "only imports": ("from hft.strategies import Strategy\n", None, "exactly one subclass"),
    "two": (GOOD + GOOD.replace("Lean", "Fade"), None, "was 'Lean, Fade'"),
    "no callback": (
        "from hft.strategies import Strategy\nclass A(Strategy):\n    def on_start(self, ctx): ...",
        2,
        "A must have a callback besides on_start and on_stop: on_book, on_trade, ",
    ),
    "misspelt": (
        GOOD.replace("on_book", "on_boook"),
        11,
        "Lean.on_boook is no callback; did you m",
    ),
    "strange": (GOOD.replace("on_book", "on_zzz"), 11, "on_zzz is no callback; there are on_start"),
    "too few": (GOOD.replace("ctx, book", "book"), 11, "on_book must take (self, ctx, book)"),
    "too many": (GOOD.replace("ctx, book", "a, b, c"), 11, "on_book must take (self, ctx, book)"),
    "coroutine": (GOOD.replace("def on_b", "async def on_b"), 11, "must be a plain function, or"),
    "generator": (GOOD.replace("pass", "yield"), 11, "Lean.on_book must be a plain function, or"),
    "plain parameters": (
        GOOD.replace("class Parameters(Parameters)", "class Parameters"),
        6,
        "Lean.Parameters must be a subclass of hft.strategies.Parameters",
    ),
    "batch and single": (
        GOOD + "        pass\n    def on_batch(self, ctx, batch): ...\n",
        14,
        "Lean.on_batch takes the place of on_book: have one or the other",
    ),
    "no function": (GOOD + "    on_trade = 3\n", None, "Lean.on_trade must be a plain function"),
    "own init": (
        GOOD + "    def __init__(self):\n        self.x = 1\n",
        13,
        "Lean.__init__ must take (self, parameters, instruments)",
    ),
    "init": (
        GOOD + "    def __init__(self, parameters, instruments):\n        1 / 0\n",
        14,
        "can't be made: ZeroDivisionError: division by zero",
    ),
}


def config(path, **parameters):
    return Config(strategy=StrategyConfig(path=str(path), parameters=parameters))


def written(folder, text, name="lean.py"):
    path = folder / name
    path.write_text(textwrap.dedent(text))
    return path


def test_a_strategy_is_made_with_its_parameters(tmp_path):
    path = written(tmp_path, GOOD)
    [(name, seat)] = build_strategies(config(path, threshold=0.25), INSTRUMENTS)
    assert name == "lean"
    assert isinstance(seat, PythonStrategy)
    assert (seat.strategy.parameters.threshold, seat.strategy.parameters.lots) == (0.25, 1)
    assert seat.strategy.instruments == tuple(INSTRUMENTS)
    assert (seat.wants_books, seat.wants_trades) == (True, False)


def test_modules_beside_the_file_can_be_imported(tmp_path):
    written(tmp_path, "LOTS = 3\n", "beside_the_strategy.py")
    path = written(tmp_path, "from beside_the_strategy import LOTS\n" + GOOD)
    assert check_strategy(config(path)) is not None


@pytest.mark.parametrize("case", BAD_FILES)
def test_what_is_wrong_with_a_file_is_said_with_its_line(tmp_path, case):
    text, line, problem = BAD_FILES[case]
    path = written(tmp_path, text)
    with pytest.raises(StrategyError) as error:
        build_strategies(config(path), INSTRUMENTS)
    assert problem in str(error.value)
    assert error.value.file == path
    assert error.value.line == line


def test_a_path_that_is_no_python_file_is_refused(tmp_path):
    (tmp_path / "folder.py").mkdir()
    for name, problem in (
        ("none.py", "strategy.path: no such file, was "),
        ("folder.py", "strategy.path: is a folder"),
        ("lean.txt", "strategy.path: must be a file that ends in .py or .so"),
    ):
        with pytest.raises(ConfigError, match=problem):
            check_strategy(config(tmp_path / name))


def test_all_parameters_are_checked_at_once(tmp_path):
    path = written(tmp_path, GOOD + "    pass\n")
    with pytest.raises(ConfigErrors) as error:
        check_strategy(config(path, treshold=1.0, lots=11, threshold="high", zzz=1))
    assert str(error.value).splitlines() == [
        "strategy.parameters.treshold: unknown parameter of Lean; did you mean threshold?, was 1.0",
        "strategy.parameters.lots: must be a whole number from 1 to 10, was 11",
        "strategy.parameters.threshold: must be a number, was 'high'",
        "strategy.parameters.zzz: unknown parameter of Lean; there are threshold, lots, was 1",
    ]


def test_a_parameter_without_default_must_be_told(tmp_path):
    path = written(tmp_path, GOOD.replace("float = 0.5", "float"))
    with pytest.raises(ConfigErrors, match="Lean must be told its threshold"):
        check_strategy(config(path))


def test_parameters_of_any_type_that_toml_has(tmp_path):
    text = GOOD.replace("threshold: float = 0.5", "day: date; names: dict[str, int] = {}")
    path = written(tmp_path, "from datetime import date\n" + text)
    made = check_strategy(config(path, names={"a": 1}, day="2026-01-02"))
    assert made is not None
    with pytest.raises(ConfigErrors, match=r"strategy\.parameters\.day: invalid RFC3339"):
        check_strategy(config(path, day="tomorrow"))


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        ("odd: 'NoSuchType' = 1", "NameError: name 'NoSuchType' is not defined"),
        ("odd: list | tuple = ()", "TypeError: Type unions may not contain more than one array"),
        ("def __post_init__(self): 1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_parameters_that_no_values_fit_are_the_persons_mistake(tmp_path, field, problem):
    path = written(tmp_path, GOOD.replace("threshold: float = 0.5", field))
    with pytest.raises(ConfigError) as error:
        check_strategy(config(path))
    assert str(error.value).startswith(
        f"strategy.parameters: the parameters of Lean can't be made: {problem}"
    )


def test_a_class_may_have_two_names(tmp_path):
    assert check_strategy(config(written(tmp_path, GOOD + "\nStrategyToRun = Lean\n"))) is not None


def test_a_file_does_not_take_the_place_of_another_module(tmp_path):
    """Whoever imports that module later would get the strategy."""
    path = written(tmp_path, GOOD, "random.py")
    with pytest.raises(StrategyError, match="name of a module in use, random; call it otherwise"):
        check_strategy(config(path))
    assert sys.modules["random"] is random


def test_the_market_maker_trades_unless_something_else_is_asked_for():
    assert StrategyConfig().built_in_names == ("market_maker",)
    assert StrategyConfig(path="x.py").built_in_names == ()
    assert StrategyConfig(builtin=()).built_in_names == ()
    both = StrategyConfig(builtin=("market_maker", "imbalance_taker"), path="x.py")
    assert both.built_in_names == ("market_maker", "imbalance_taker")
    assert [name for name, _ in build_strategies(Config(), INSTRUMENTS)] == ["market_maker"]


def test_every_built_in_strategy_can_be_made():
    everything = Config(strategy=StrategyConfig(builtin=tuple(BUILT_IN)))
    assert [name for name, _ in build_strategies(everything, INSTRUMENTS)] == list(BUILT_IN)


def test_nothing_can_be_traded_outside_of_a_callback():
    context = Context(INSTRUMENTS, logging.getLogger("test"))
    for act in (
        lambda: context.buy(100, 1),
        lambda: context.cancel(1),
        lambda: context.set_timer(1),
        lambda: context.event_ts_ns,
    ):
        with pytest.raises(RuntimeError, match="during a callback only"):
            act()


def test_callbacks_are_those_that_the_documentation_lists():
    assert CALLBACKS == (
        "on_start", "on_book", "on_trade", "on_signal", "on_report", "on_timer", "on_batch",
        "on_stop",
    )  # fmt: skip
