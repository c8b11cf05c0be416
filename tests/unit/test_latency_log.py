"""Logs of latencies: HdrHistogram's own package reads from them what was written."""

import base64
import zlib
from pathlib import Path

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hft.core.histogram import HISTOGRAM_BUCKETS
from hft.errors import UserError
from hft.latency.capture import Capture, Recording, together
from hft.latency.distribution import TOPS_NS, Distribution
from hft.latency.hlog import decode, encode, read_log, write_log

COUNTS = arrays(
    np.int64,
    HISTOGRAM_BUCKETS,
    elements=st.integers(0, 2**61) | st.integers(0, 300),
    fill=st.just(0),
)
PERCENTILES = (0.0, 1.0, 25.0, 50.0, 75.0, 90.0, 99.0, 99.9, 99.99, 99.999, 100.0)
BEGAN_NS = 1_795_713_214_463_000_000


def random_distribution(seed: int, count: int = 50_000) -> Distribution:
    rng = np.random.default_rng(seed)
    values = rng.lognormal(rng.uniform(4, 15), rng.uniform(0.1, 2), count)
    places = np.searchsorted(TOPS_NS, np.minimum(values, TOPS_NS[-1]))
    return Distribution.of_counts(np.bincount(places, minlength=HISTOGRAM_BUCKETS))


def recording(intervals: int) -> Recording:
    names = [("hop", "market_flow"), ("operation", "engine.new_order"), ("path", "tick_to_order")]
    captures = tuple(
        Capture(
            BEGAN_NS + place * 10**9,
            BEGAN_NS + (place + 1) * 10**9,
            {key: random_distribution(10 * place + row) for row, key in enumerate(names)},
        )
        for place in range(intervals)
    )
    return Recording("hft x, paced at 1x", together(captures), captures)


@settings(deadline=None)
@given(COUNTS)
def test_what_is_encoded_is_decoded(counts: np.ndarray) -> None:
    """By us and by the package, count by count."""
    counts[np.cumsum(counts > 0) > 4] //= 2**10  # so that the sum has room in 64 bits
    text = encode(counts)
    assert (decode(text) == counts).all()
    theirs = HdrHistogram.decode(text)
    assert (theirs.significant_figures, theirs.lowest_trackable_value) == (2, 1)
    assert theirs.highest_trackable_value == TOPS_NS[-1]
    assert list(theirs.counts) == counts.tolist()


@pytest.mark.parametrize("seed", range(5))
def test_what_the_package_encodes_is_read(seed: int) -> None:
    found = random_distribution(seed)
    hdr = HdrHistogram(1, int(TOPS_NS[-1]), 2)
    for bucket in np.flatnonzero(found.counts):
        hdr.record_value(int(TOPS_NS[bucket]), int(found.counts[bucket]))
    assert (decode(hdr.encode().decode()) == found.counts).all()


@pytest.mark.parametrize("intervals", [1, 5])
def test_the_package_reads_a_log(
    tmp_path: Path, intervals: int, request: pytest.FixtureRequest
) -> None:
    """Every count and percentile of every interval, with its row, time and maximum."""
    written = recording(intervals)
    path = tmp_path / "x.hlog"
    path.write_text(write_log(written))
    reader = HistogramLogReader(str(path), HdrHistogram(1, int(TOPS_NS[-1]), 2))
    request.addfinalizer(reader.close)
    for place, one in enumerate(written.intervals):
        for key, ours in one.rows.items():
            theirs = reader.get_next_interval_histogram()
            assert theirs.get_tag() == ".".join(key)
            assert theirs.get_start_time_stamp() == BEGAN_NS / 1e6 + place * 1e3
            assert theirs.get_end_time_stamp() == BEGAN_NS / 1e6 + (place + 1) * 1e3
            assert list(theirs.counts) == ours.counts.tolist()
            assert theirs.get_total_count() == ours.count
            assert theirs.get_max_value() == ours.max_ns
            assert theirs.get_min_value() == ours.min_ns
            assert theirs.get_mean_value() == pytest.approx(ours.mean_ns, rel=1e-3)  # rounded up
            for percentile in PERCENTILES[1:]:
                rank = theirs.get_target_count_at_percentile(percentile)
                assert theirs.get_value_at_percentile(percentile) == ours.value_at_rank(rank)
    assert reader.get_next_interval_histogram() is None


@pytest.mark.parametrize("intervals", [1, 5])
def test_we_read_our_own_log(tmp_path: Path, intervals: int) -> None:
    written = recording(intervals)
    path = tmp_path / "x.hlog"
    path.write_text(write_log(written))
    found = read_log(path)
    assert found.title == written.title
    assert len(found.intervals) == intervals
    for ours, theirs in zip((written.whole, *written.intervals), (found.whole, *found.intervals),
                            strict=True):  # fmt: skip
        assert list(ours.rows) == list(theirs.rows)
        assert abs(ours.began_wall_ns - theirs.began_wall_ns) < 10**6
        assert ours.seconds == pytest.approx(theirs.seconds)
        for key, row in ours.rows.items():
            assert (row.counts == theirs.rows[key].counts).all()
            assert row.max_ns == theirs.rows[key].max_ns


def test_an_exact_maximum_is_kept(tmp_path: Path) -> None:
    """The line says it in ms with six places: to the ns, also beyond the last bucket."""
    for counts, max_ns in (([(1000, 3)], 1_000_000_123), ([(HISTOGRAM_BUCKETS - 1, 1)], 2**41)):
        row = np.zeros(HISTOGRAM_BUCKETS, np.int64)
        for bucket, count in counts:
            row[bucket] = count
        if max_ns < 2**40:
            row[:] = 0
            row[np.searchsorted(TOPS_NS, max_ns)] = 2
        one = Capture(0, 10**9, {("hop", "x"): Distribution.of_counts(row, max_ns)})
        path = tmp_path / "x.hlog"
        path.write_text(write_log(Recording("hft", one)))
        assert read_log(path).whole.rows[("hop", "x")].max_ns == max_ns


def damaged() -> dict[str, tuple[str, str]]:
    """A log, and what is wrong with it."""
    good = write_log(recording(1))
    head, line = "\n".join(good.splitlines()[:5]), good.splitlines()[5]
    fields = line.split(",")
    other = HdrHistogram(1, 10**6, 3)
    other.record_value(5)
    blob = base64.b64decode(fields[4])
    body = zlib.decompress(blob[8:])
    short = zlib.compress(body[:-3])

    def with_blob(text: str) -> str:
        return "\n".join([head, ",".join([*fields[:4], text])])

    def packed(content: bytes) -> str:
        return with_blob(
            base64.b64encode(blob[:4] + len(content).to_bytes(4, "big") + content).decode()
        )

    return {
        "no log": ("a,b\n1,2\n", "line 1: must have 4 fields after its tag, has 2"),
        "empty": ("", "is no histogram log"),
        "no interval": (head, "is no histogram log, or one without an interval"),
        "cut within a line": (good[: len(head) + 400], "is cut short"),
        "cut within a number": (good[: len(head) + 25], "line 6: must have 4 fields"),
        "no base64": (with_blob("HIST!"), "line 6: is no base64"),
        "no histogram": (with_blob("AAAAAAAAAAAA"), "line 6: is no compressed histogram"),
        "not compressed": (packed(b"x" * 256), "can't be decompressed"),
        "counts cut off": (packed(short), "has no counts"),
        "another precision": (with_blob(other.encode().decode()), "has 3 significant digits"),
        "no numbers": (good.replace(",0.000,1.000,", ",zero,1.000,"), "must begin with three"),
        "no base time": (good.replace("BaseTime: ", "BaseTime: x"), "line 3: has no base time"),
    }  # fmt: skip


@pytest.mark.parametrize("what", damaged())
def test_a_damaged_log_is_one_line(tmp_path: Path, what: str) -> None:
    """It names the file, the line and what would be right."""
    text, problem = damaged()[what]
    path = tmp_path / "x.hlog"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_log(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_text_is_no_log(tmp_path: Path) -> None:
    path = tmp_path / "x.hlog"
    path.write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(UserError, match="is no text"):
        read_log(path)
    with pytest.raises(UserError, match="can't be read: No such file"):
        read_log(tmp_path / "none.hlog")


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_break_the_decoder(data: bytes) -> None:
    """Whatever a body is, it is counts or a problem that is told."""
    from hft.latency.hlog import Unreadable, counts_of

    try:
        counts = counts_of(data)
    except Unreadable:
        return
    assert counts.min() >= 0
