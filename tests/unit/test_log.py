"""A log line is whole JSON whatever is logged, and neither end of the pipe ever waits."""

import io
import json
import logging
import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hft.runtime.log import (
    LINE_BYTES_MAX,
    SAID,
    LogBook,
    PipeWriter,
    encode,
    fields_of,
    print_through,
    record_of,
    text_of,
    use,
)
from hft.runtime.supervisor import READ_BYTES, Lines, Supervisor

LOG = logging.getLogger("hft.strategy")
values = st.one_of(
    st.integers(), st.floats(), st.text(max_size=6000), st.none(), st.binary(max_size=9)
)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for fd in ends:
        os.close(fd)


def lines_of(fd: int) -> list[dict[str, Any]]:
    os.set_blocking(fd, False)
    return [json.loads(line) for line in os.read(fd, 1 << 20).splitlines()]


def test_logging_in_a_node_goes_through_the_pipe(pipe: tuple[int, int]) -> None:
    """Level and logger as everywhere; figures stay figures; an exception is one field."""
    read_fd, write_fd = pipe
    with use(PipeWriter(write_fd).write, "info"):
        LOG.debug("not asked for")
        LOG.info("a %s", "quote", extra={"lots": np.int64(3), "path": Path("x"), "level": "no"})
        try:
            raise ValueError("of 'Ä'\nand more")
        except ValueError:
            LOG.exception("failed")
    LOG.error("no longer ours")
    first, second = lines_of(read_fd)
    assert list(first) == ["ts", "level", "component", "pid", "message", "lots", "path"]
    assert first["ts"].endswith("Z")
    assert len(first["ts"]) == len("2026-01-01T00:00:00.000000Z")
    assert (first["level"], first["component"], first["pid"]) == ("info", "strategy", os.getpid())
    assert (first["message"], first["lots"], first["path"]) == ("a quote", 3, "x")
    assert (second["level"], second["message"]) == ("error", "failed")
    assert second["exception"].startswith("Traceback (most recent call last):\n")
    assert second["exception"].endswith("ValueError: of 'Ä'\nand more")


def test_a_full_pipe_drops_lines_and_counts_them(pipe: tuple[int, int]) -> None:
    read_fd, write_fd = pipe
    writer = PipeWriter(write_fd)
    with use(writer.write, "info"):
        while not writer.dropped:
            LOG.info("x" * 1000)
        LOG.info("y" * 1000)
        assert all("lines_dropped" not in line for line in lines_of(read_fd))
        LOG.info("after")
        LOG.info("later")
    after, later = lines_of(read_fd)
    assert (after["message"], after["lines_dropped"]) == ("after", 2)
    assert "lines_dropped" not in later


def test_printed_lines_are_records_at_once(pipe: tuple[int, int]) -> None:
    """Also in pieces, in bytes, without an end; the log's level is no matter."""
    read_fd, write_fd = pipe
    before = sys.stdout
    with print_through(PipeWriter(write_fd).write, "feed+signal"):
        print("price", 5)
        assert [line["message"] for line in lines_of(read_fd)] == ["price 5"]
        print("one\ntwo ", end="")
        print()
        print("a \ud800 b")
        sys.stdout.flush()
        sys.stdout.buffer.write(b"\xff\n")
        print("x" * 9000)
        print("no end", end="")
    assert sys.stdout is before
    found = lines_of(read_fd)
    assert {(line["level"], line["component"]) for line in found} == {("info", "feed+signal")}
    texts = [line["message"] for line in found]
    assert texts[:4] == ["one", "two", r"a \ud800 b", r"\xff"]
    assert texts[-1] == "no end"


def test_printing_never_waits(pipe: tuple[int, int]) -> None:
    read_fd, write_fd = pipe
    with print_through(PipeWriter(write_fd).write, "signal"):
        for _ in range(1000):
            print("x" * 1000)
        lines_of(read_fd)
        print("after")
    (after,) = lines_of(read_fd)
    assert after["message"] == "after"
    assert after["lines_dropped"] > 900


def test_a_pipe_that_nobody_reads_is_no_error() -> None:
    read_fd, write_fd = os.pipe()
    os.close(read_fd)
    with use(PipeWriter(write_fd).write, "info"):
        LOG.info("to nobody")
    os.close(write_fd)


@given(
    message=st.text(max_size=9000),
    exception=st.one_of(st.none(), st.text(min_size=1, max_size=9000)),
    extra=st.dictionaries(st.text(), values, max_size=4),
)
def test_a_line_is_json_and_fits(
    message: str, exception: str | None, extra: dict[str, Any]
) -> None:
    """Also with lone surrogates, infinities, and more text than a pipe takes in one piece."""
    fixed = {"ts": "t", "level": "info", "component": "c", "pid": 1, "message": message}
    if exception is not None:
        fixed["exception"] = exception
    line = encode({**extra, **fixed})
    assert len(line) <= LINE_BYTES_MAX
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    read = json.loads(line)
    assert (read["level"], read["component"]) == ("info", "c")
    if "[cut]" not in read["message"] and message.isascii():
        assert read["message"] == message


def test_of_a_long_traceback_the_end_stays() -> None:
    made = logging.makeLogRecord({"name": "hft.risk", "msg": "failed"})
    line = json.loads(encode({**record_of(made), "exception": "first\n" * 2000 + "Error: last"}))
    assert line["message"] == "failed"
    assert line["exception"].startswith("[cut] ")
    assert line["exception"].endswith("Error: last")


def test_long_fields_do_not_cost_the_message() -> None:
    """What happened counts for more than its figures; short ones stay beside a long message."""
    made = record_of(logging.makeLogRecord({"name": "hft.risk", "msg": "the price is off"}))
    line = json.loads(encode({**made, "exception": "Error: last", "levels": "9" * 5000}))
    assert line["message"] == "the price is off [cut]"
    assert line["exception"] == "Error: last"
    assert "levels" not in line
    line = json.loads(encode({**made, "message": "x" * 5000, "levels": "9" * 500}))
    assert line["message"].endswith("xx[cut]")
    assert line["levels"] == "9" * 500


def test_the_book_writes_a_file_and_the_screen(tmp_path: Path) -> None:
    """Text on the screen is one line for a record; what was said already is not said again."""
    screen = io.StringIO()
    book = LogBook(tmp_path / "log.jsonl", screen)
    heard = []
    book.listeners.append(heard.append)
    book.write_line(
        b'{"ts":"2026-01-01T09:30:00.000001Z","level":"warning","component":"risk","pid":1,'
        b'"message":"near","lots":5}'
    )
    book.write_line(b'{"ts":')
    book.write_line(b"[1]")
    book.write_stderr("feed+signal", 7, b"glibc says \xff")
    book.write_stderr("feed+signal", 7, b"")
    with use(book.write, "warning"):
        logging.getLogger("hft.launch").error("died", extra=SAID)
    book.close()
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert heard == lines
    assert [line["message"] for line in lines] == [
        "near", 'not a log line: {"ts":', "not a log line: [1]", r"glibc says \xff", "died"
    ]  # fmt: skip
    assert (lines[3]["level"], lines[3]["component"], lines[3]["pid"]) == (
        "error",
        "feed+signal",
        7,
    )
    assert "said" not in lines[4]
    shown = screen.getvalue().splitlines()
    assert shown[0] == "09:30:00.000001 warning risk: near  lots=5"
    assert shown[3:] == [r"glibc says \xff"]


def test_nobody_else_can_keep_a_record_from_the_screen(
    tmp_path: Path, pipe: tuple[int, int]
) -> None:
    """What others log as `said` is a field as any."""
    screen = io.StringIO()
    book = LogBook(tmp_path / "log.jsonl", screen)
    with use(PipeWriter(pipe[1]).write, "info"):
        LOG.info("mine", extra={"said": True})
    book.write_line(os.read(pipe[0], LINE_BYTES_MAX))
    book.close()
    assert json.loads((tmp_path / "log.jsonl").read_text())["said"] is True
    assert screen.getvalue().endswith(" strategy: mine  said=True\n")


def test_the_screen_in_json_is_the_file(tmp_path: Path) -> None:
    screen = io.StringIO()
    book = LogBook(tmp_path / "log.jsonl", screen, as_json=True)
    book.write_stderr("feed", 7, b"abort")
    with use(book.write, "info"):
        LOG.info("µ")
    book.close()
    assert screen.getvalue() == (tmp_path / "log.jsonl").read_text()


def test_text_tells_what_was_dropped_and_shows_the_traceback() -> None:
    record = {"ts": "2026-01-01T09:30:00.000001Z", "level": "error", "component": "risk", "pid": 1,
              "message": "failed", "exception": "Traceback\nError", "lines_dropped": 3}  # fmt: skip
    assert text_of(record) == (
        "09:30:00.000001 error   risk: failed  (3 lines before this one were dropped)\n"
        "Traceback\nError"
    )


def test_a_screen_that_is_gone_and_a_full_disk_don_t_end_the_run(tmp_path: Path) -> None:
    screen = Path("/dev/full").open("w", buffering=1)  # noqa: SIM115
    book = LogBook(Path("/dev/full"), screen)
    with use(book.write, "info"):
        LOG.info("nowhere to go")
    assert book.screen is None
    book.close()
    with pytest.raises(OSError, match="No space"):
        screen.close()


def test_a_full_disk_is_told_once(tmp_path: Path) -> None:
    """Also to the live view, which has no other screen; the records go there all the same."""
    screen = io.StringIO()
    book = LogBook(Path("/dev/full"), screen)
    heard: list[str] = []
    book.listeners.append(lambda record: heard.append(record["message"]))
    with use(book.write, "info"):
        LOG.info("one")
        LOG.info("two")
    book.close()
    lost = "/dev/full: not all of the log is in the file: No space left on device"
    assert heard == [lost, "one", "two"]
    assert screen.getvalue().count(lost) == 1


def test_a_disk_that_takes_half_a_line_leaves_whole_ones(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    book = LogBook(path)
    book.write(fields_of("info", "risk", 1, "first"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, hard))
    try:
        book.write(fields_of("info", "risk", 1, "torn"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    book.write(fields_of("info", "risk", 1, "last"))
    book.close()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["message"] for line in lines] == ["first", "last"]


def test_lines_are_put_together_from_pieces(pipe: tuple[int, int]) -> None:
    read_fd, write_fd = pipe
    found: list[bytes] = []
    lines = Lines(os.dup(read_fd), found.append)
    os.write(write_fd, b"one\ntw")
    assert lines.read()
    os.write(write_fd, b"o\n\nlast")
    assert lines.read()
    assert found == [b"one", b"two", b""]
    lines.close()
    assert found[3:] == [b"last"]


def test_a_writer_without_end_is_read_piece_by_piece() -> None:
    """Neither does the reading go on while there is more, nor does a line grow without bound."""
    found: list[bytes] = []
    lines = Lines(os.open("/dev/zero", os.O_RDONLY), found.append)
    for _ in range(5):
        assert lines.read()
    lines.close()
    assert len(found) == 3
    assert max(map(len, found)) <= 2 * READ_BYTES


def test_the_last_words_of_a_process_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module that isn't there ends at once: its interpreter's complaint is in the log."""
    book = LogBook(tmp_path / "log.jsonl", io.StringIO())
    supervisor = Supervisor("hft.no_such_module", book)
    supervisor.start("feed", b"told")
    ended = []
    while not ended:
        ended = supervisor.wait(10)
    book.close()
    (line,) = map(json.loads, (tmp_path / "log.jsonl").read_text().splitlines())
    assert line["message"] == f"{sys.executable}: No module named hft.no_such_module"
    assert (line["level"], line["component"]) == ("error", "feed")
    assert line["pid"] == ended[0].popen.pid
