"""Options win over variables, variables over the file, the file over the defaults."""

from pathlib import Path

import pytest

from hft.config import Config
from hft.config.keys import keys, variables
from hft.config.load import load
from hft.errors import ConfigError, FeedError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "c.toml"
    path.write_text("\n[run]\nseed = 2\nspeed = 2\n[log]\nformat = 'json'\n")
    return path


def test_the_nearest_to_the_person_wins(file: Path) -> None:
    """Each value is told from where it came."""
    found = load(
        file,
        environment={"HFT_RUN_SPEED": "3", "HFT_LOG_LEVEL": "debug", "HFT_RUN_SEED": "3"},
        options={"run.speed": ("--speed", "max")},
    )
    run, log = found.config.run, found.config.log
    assert (run.speed, run.seed, log.level, log.format) == ("max", 3, "debug", "json")
    assert {key: str(origin) for key, origin in found.origins.items()} == {
        "run.seed": "HFT_RUN_SEED",
        "run.speed": "--speed",
        "log.format": f"{file}:6",
        "log.level": "HFT_LOG_LEVEL",
    }


def test_what_is_wrong_is_wrong_also_where_something_else_wins(file: Path) -> None:
    """Otherwise the error would come the day the variable goes."""
    file.write_text("run.seed = -1")
    with pytest.raises(ConfigError, match=r"line 1, run\.seed: must be a whole number"):
        load(file, environment={"HFT_RUN_SEED": "1"})


@pytest.mark.parametrize(
    ("variable", "text", "key", "value"),
    [
        ("HFT_CPU_AFFINITY", "3, 1", "affinity", (3, 1)),
        ("HFT_RUN_STRICT_AFFINITY", "true", "strict_affinity", True),
        ("HFT_RUN_DURATION_S", "1_0.5e1", "duration_s", 105.0),
        ("HFT_RUN_SEED", "+1_000", "seed", 1000),
        ("HFT_RUN_REPORT", "${x}", "report", "${x}"),
    ],
)
def test_a_variable_is_read_as_its_key_wants(
    variable: str, text: str, key: str, value: object
) -> None:
    assert getattr(load(environment={variable: text}).config.run, key) == value


@pytest.mark.parametrize(
    ("variable", "text", "problem"),
    [
        ("HFT_RISK_ORDER_LOTS", "1.0", "must be a whole number from 1 to 1000000000000, was '1.0'"),
        ("HFT_RISK_ORDER_LOTS", "9" * 5000, "must be a whole number from 1 to 1000000000000, was"),
        ("HFT_RISK_ORDER_LOTS", " 7", "must be a whole number from"),
        ("HFT_RISK_ORDER_LOTS", "\u0667", "must be a whole number from"),
        ("HFT_RUN_STRICT_AFFINITY", "1", "must be true or false, was '1'"),
        ("HFT_RUN_SPEED", "inf", "must be a number from 0.001, below 1000000000000, or max, was"),
        ("HFT_RUN_FEED", "", "must be text that is not empty, was ''"),
        ("HFT_RUN_FEED", "\udcff", "must be text that is not empty, was '\\udcff'"),
        ("HFT_NUMA_NODE", "", "must be a whole number from 0 to 1023, was ''"),
        ("HFT_CPU_AFFINITY", "0,,1", "must be a list of 1 to 4 core numbers separated by commas"),
        ("HFT_CPU_AFFINITY", "", "must be a list of 1 to 4 core numbers separated by commas"),
        ("HFT_SIMULATOR_PRICE", "1e999999999999", "must be a decimal number from 1e-18 to 1e12"),
        ("HFT_RISK_POSITON_LOTS", "1", "unknown variable; did you mean HFT_RISK_POSITION_LOTS?"),
        (
            "HFT_INSTRUMENTS_X_TICK_SIZE",
            "1",
            "unknown variable; the names in [instruments] are free, so its keys have none: set",
        ),
        (
            "HFT_STRATEGY_PARAMETERS",
            "{}",
            "unknown variable; the names in [strategy.parameters] are free, so its keys have",
        ),
        ("HFT_RUN_AFFINITY", "1", "unknown variable; did you mean HFT_"),
        ("HFT_SIMULATOR_PRICE", "0.001", "must be a multiple of 0.01, such as 0.00 or 0.01"),
    ],
)
def test_an_error_of_a_variable_names_it(variable: str, text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(environment={variable: text})
    assert str(caught.value).startswith(f"{variable}: {problem}")


def test_variables_of_others_are_left_alone() -> None:
    """Those of the tests and the build, and what doesn't begin with HFT_."""
    environment = {"HFT_DATA": "x", "HFT_BUILD": "trace", "HFT_TEST_INSTANCE": "x", "HFTX": "1"}
    assert load(environment=environment).config == Config()


def test_every_key_of_a_table_that_is_always_there_has_a_variable() -> None:
    """And no two the same."""
    without = {key.name for key in keys().values() if key.variable is None}
    free = {name for name in keys() if name.startswith("instruments.")}
    assert without == free | {"strategy.parameters"}
    assert len(variables()) == len(keys()) - len(without)
    assert {"HFT_LOG_LEVEL", "HFT_CPU_AFFINITY", "HFT_NUMA_NODE", "HFT_HUGEPAGES"} <= set(
        variables()
    )


def test_every_key_is_described() -> None:
    """In one sentence, for the reference and `explain`."""
    for key in keys().values():
        assert key.description.endswith("."), key.name
        assert key.allowed


@pytest.mark.parametrize(
    ("text", "environment", "key", "value"),
    [
        ('feed = "lobster:${F}"', {"F": "a b.zip"}, "feed", "lobster:a b.zip"),
        ('feed = "${F:-sim}"', {}, "feed", "sim"),
        ('feed = "${F:-sim}"', {"F": ""}, "feed", "sim"),
        ('feed = "$${F}$F"', {"F": "x"}, "feed", "${F}$F"),
        ('feed = "${F}"', {"F": "${G}$${"}, "feed", "${G}$${"),
        ('seed = "${N}"', {"N": "7"}, "seed", 7),
        ('speed = "${N:-max}"', {}, "speed", "max"),
        ('affinity = "${N}"', {"N": "1,0"}, "affinity", (1, 0)),
        ('affinity = ["${N}", 0]', {"N": "1"}, "affinity", (1, 0)),
        ('feed = "${HFT_OURS}"', {"HFT_OURS": "sim"}, "feed", "sim"),
    ],
)
def test_references_are_replaced_once(
    file: Path, text: str, environment: dict[str, str], key: str, value: object
) -> None:
    """By the variable, else by the default after :-, and held against the key's type."""
    file.write_text(f"[run]\n{text}\n")
    assert getattr(load(file, environment=environment).config.run, key) == value


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('feed = "${F}"', 'line 2, run.feed: the variable F is not set, was "${F}"'),
        ('feed = "${F"', "line 2, run.feed: has a ${ that begins no ${NAME}"),
        ('feed = "${F:-${G}}"', "line 2, run.feed: has a ${ that begins no ${NAME}"),
        ('feed = "${1}"', "line 2, run.feed: has a ${ that begins no ${NAME}"),
        (
            'seed = "${N:-1.5}"',
            "run.seed: must be a whole number from 0 to 1000000000000, was '1.5'",
        ),
        ('affinity = [0, "${X}"]', "line 2, run.affinity[1]: the variable X is not set"),
    ],
)
def test_what_is_wrong_with_a_reference_is_told(file: Path, text: str, problem: str) -> None:
    file.write_text(f"[run]\n{text}\n")
    with pytest.raises(ConfigError) as caught:
        load(file, environment={})
    assert problem in str(caught.value)


def test_a_reference_that_is_overridden_needs_no_variable(file: Path) -> None:
    """`--config replay --feed lobster:FILE.zip`."""
    file.write_text('[run]\nfeed = "lobster:${F}"\n')
    found = load(file, environment={}, options={"run.feed": ("--feed", "sim")})
    assert found.config.run.feed == "sim"
    file.write_text('[run]\naffinity = [0, "${CORE}"]\n')
    found = load(file, environment={"HFT_CPU_AFFINITY": "2"})
    assert found.config.run.affinity == (2,)


@pytest.mark.parametrize("text", ["${N}", "${N", "${M:-x}"])
def test_what_is_wrong_in_an_overridden_reference_is_told(file: Path, text: str) -> None:
    file.write_text(f'[run]\nseed = "{text}"\n')
    with pytest.raises(ConfigError, match=r"line 2, run\.seed: "):
        load(file, environment={"N": "1.5"}, options={"run.seed": ("--seed", "7")})


def test_what_is_found_wrong_later_says_where_the_value_is_from(file: Path) -> None:
    """What only the host or a feed can tell; an error that names a file says enough."""
    found = load(file, environment={"HFT_RUN_FEED": "x"})
    for key, start in (
        ("run.seed", f"{file}: line 3, run.seed: "),
        ("run.feed", "HFT_RUN_FEED: "),
        ("run.affinity", "run.affinity: "),
    ):
        with pytest.raises(ConfigError) as caught, found.at(key):
            raise ConfigError("must be less", field="something", value=3)
        assert str(caught.value) == f"{start}must be less, was 3"
    with pytest.raises(FeedError, match="z: is cut off"), found.at("run.feed"):
        raise FeedError("is cut off", file="z")
