"""The journal: what was appended is read back, and no damage goes unseen."""

import errno
import mmap
import os

import numpy as np
import pytest

from hft.core.journal import JournalReader, JournalWriter, checksum, segment_paths
from hft.core.messages import COMMAND, MESSAGE, Kind
from hft.errors import JournalError

HEADER_BYTES, RECORD_BYTES = 4096, 64
DESCRIPTION = {"instruments": ["A", "B"], "orders": 1024}
CRC32C_OF_NINE_DIGITS = 0xE3069283


def some(count, first=1):
    """Inputs as the engine gets them, every payload another."""
    messages = np.zeros(count, COMMAND)
    messages["kind"] = Kind.FLOW_ADD
    messages["sequence"] = np.arange(first, first + count)
    messages["order_id"] = np.arange(first, first + count) * 0x123456789ABCDEF % 2**56
    messages["price_ticks"] = -np.arange(count)
    messages["qty_lots"] = 5
    return messages


def written(folder, count, segment_records=1000):
    """The paths of a journal of `count` records, closed."""
    writer = JournalWriter(folder, DESCRIPTION, segment_records)
    writer.append(some(count), 77)
    writer.close()
    return segment_paths(folder)


def position(record):
    """Where a record, counted from 0, begins in its file."""
    return HEADER_BYTES + record * RECORD_BYTES


def alter(path, offset, change=lambda byte: byte ^ 1):
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([change(byte)]))


def crc32c(data, crc=0):
    """Castagnoli's, a bit at a time, of bytes of any number."""
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


# Writing and reading.


def test_what_is_appended_is_read(tmp_path):
    """Every field but the stamp and the time, which are the journal's own."""
    messages = some(10)
    messages["origin_ts_ns"] = 5
    writer = JournalWriter(tmp_path, DESCRIPTION, 100)
    writer.append(messages[:3], 11)
    writer.append(messages[3:], 22)
    assert writer.sequence == 10
    writer.close()
    (path,) = segment_paths(tmp_path)
    reader = JournalReader(path)
    assert reader.description == DESCRIPTION
    assert (reader.first_sequence, reader.torn_at, len(reader)) == (1, None, 10)
    assert reader.records.dtype == MESSAGE
    assert reader.records["origin_ts_ns"].tolist() == [11] * 3 + [22] * 7
    records = reader.records.view(COMMAND)
    for name in set(COMMAND.names) - {"stamp", "origin_ts_ns"}:
        assert (records[name] == messages[name]).all(), name


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 16, 100])
def test_several_segments_are_one_journal(tmp_path, count):
    """Segments follow each other without a gap; none is left empty but the only one."""
    paths = written(tmp_path, count, segment_records=8)
    readers = [JournalReader(path) for path in paths]
    assert [reader.first_sequence for reader in readers] == [1 + 8 * n for n in range(len(paths))]
    assert [reader.segment_index for reader in readers] == list(range(len(paths)))
    assert all(reader.torn_at is None for reader in readers)
    assert all(reader.description == DESCRIPTION for reader in readers)
    sequences = np.concatenate([reader.records["sequence"] for reader in readers])
    assert sequences.tolist() == list(range(1, count + 1))
    assert len(paths) == max(1, -(-count // 8))


def test_a_helper_makes_segments_ahead(tmp_path):
    """An appender that gives it time never waits; one that doesn't is counted."""
    writer = JournalWriter(tmp_path, {}, 4)
    writer.append(some(100), 0)
    assert 0 < writer.stalls <= 25
    writer.close()


def test_close_cuts_the_file_to_what_is_used(tmp_path):
    (path,) = written(tmp_path, 5)
    assert path.stat().st_size == position(5)


def test_close_twice_is_no_error_and_append_after_it_is(tmp_path):
    """The memory of a closed journal is no longer its file's."""
    writer = JournalWriter(tmp_path, {}, 100)
    writer.close()
    writer.close()
    with pytest.raises(ValueError, match="closed"):
        writer.append(some(1), 0)


def test_a_reader_may_follow_the_writer(tmp_path):
    """Room that was never used is zeros up to the end, and no damage."""
    writer = JournalWriter(tmp_path, {}, 100)
    for count in range(3):
        (path,) = segment_paths(tmp_path)
        reader = JournalReader(path)
        assert (len(reader), reader.torn_at) == (count, None)
        writer.append(some(1), 0)
    writer.close()


def test_records_are_not_copied(tmp_path):
    (path,) = written(tmp_path, 5)
    base = JournalReader(path).records
    while isinstance(base, np.ndarray):
        base = base.base
    assert isinstance(base.obj, mmap.mmap)


# Damage.


@pytest.mark.parametrize("torn_bytes", [1, 8, 20, 40])
def test_a_torn_tail_is_found_at_its_record(tmp_path, torn_bytes):
    """A record of which only a part reached the disk, zeros after it or the end of the file."""
    (path,) = written(tmp_path, 20)
    whole = path.read_bytes()
    cut = whole[: position(12) + torn_bytes]
    for tail in (b"", bytes(64 * 5)):
        path.write_bytes(cut + tail)
        reader = JournalReader(path)
        assert (reader.torn_at, len(reader)) == (13, 12)
    assert reader.records["sequence"].tolist() == list(range(1, 13))


def test_a_lost_tail_is_no_damage(tmp_path):
    """A file that ends between two records just ends there."""
    (path,) = written(tmp_path, 20)
    path.write_bytes(path.read_bytes()[: position(12)])
    reader = JournalReader(path)
    assert (reader.torn_at, len(reader)) == (None, 12)


def test_an_altered_byte_of_a_record_is_found(tmp_path):
    """Each of the 64, and each bit of some; what follows is not trusted."""
    (path,) = written(tmp_path, 5)
    for offset in range(position(2), position(3)):
        for mask in (1, 0x80, 0xFF):
            alter(path, offset, lambda byte, mask=mask: byte ^ mask)
            reader = JournalReader(path)
            assert (reader.torn_at, len(reader)) == (3, 2), offset
            alter(path, offset, lambda byte, mask=mask: byte ^ mask)
    assert JournalReader(path).torn_at is None


def test_an_altered_byte_of_the_header_is_found(tmp_path):
    """Anywhere in its page, the description and the unused rest too."""
    (path,) = written(tmp_path, 1)
    for offset in [*range(120), *range(120, HEADER_BYTES, 97), HEADER_BYTES - 1]:
        alter(path, offset)
        with pytest.raises(JournalError, match=r"not a journal|layout_v|checksum|size"):
            JournalReader(path)
        alter(path, offset)
    JournalReader(path)


def test_a_record_in_another_place_is_found(tmp_path):
    """Exchanged, doubled or left out: each record knows its place."""
    (path,) = written(tmp_path, 6)
    whole = path.read_bytes()
    records = [whole[position(n) : position(n + 1)] for n in range(6)]
    for order, torn_at in (
        ([0, 1, 3, 2, 4, 5], 3),
        ([0, 1, 1, 2, 3, 4], 3),
        ([0, 1, 2, 3, 5], 5),
        ([1, 2, 3], 1),
    ):
        path.write_bytes(whole[:HEADER_BYTES] + b"".join(records[n] for n in order))
        reader = JournalReader(path)
        assert (reader.torn_at, len(reader)) == (torn_at, torn_at - 1)


def test_a_hole_of_zeros_is_found(tmp_path):
    """Zeros are unused room only if nothing comes after them."""
    (path,) = written(tmp_path, 6)
    whole = path.read_bytes()
    path.write_bytes(whole[: position(2)] + bytes(64) + whole[position(3) :])
    assert JournalReader(path).torn_at == 3


def test_a_record_of_another_segment_is_found(tmp_path):
    """Places count through the whole journal."""
    first, second = written(tmp_path, 16, segment_records=8)
    whole = first.read_bytes()
    first.write_bytes(whole[:HEADER_BYTES] + second.read_bytes()[HEADER_BYTES:])
    assert JournalReader(first).torn_at == 1
    assert JournalReader(second).torn_at is None


# The checksum.


def test_the_checksum_is_crc32c(tmp_path):
    """Of the record with a stamp of 0, begun with its place; and of the header page likewise."""
    assert crc32c(b"123456789") == CRC32C_OF_NINE_DIGITS
    (path,) = written(tmp_path, 3)
    records = JournalReader(path).records.copy()
    for place, stamp in enumerate(records["stamp"].tolist(), 1):
        record = records[place - 1 : place].copy()
        record["stamp"] = 0
        assert crc32c(record.tobytes(), place) == stamp
    page = bytearray(path.read_bytes()[:HEADER_BYTES])
    found = int.from_bytes(page[40:48], "little")
    page[40:48] = bytes(8)
    assert crc32c(page) == found


@pytest.mark.parametrize("slow", [False, True])
def test_the_checksum_is_the_same_with_and_without_the_instruction(slow):
    """Against a bit-by-bit one in Python that gives the known value of nine digits."""
    assert crc32c(b"123456789") == CRC32C_OF_NINE_DIGITS
    data = np.random.default_rng(1).bytes(8 * 40)
    for words in range(41):
        for start in (0, 1, 2**32 - 1):
            expected = crc32c(data[: 8 * words], start)
            assert checksum(data[: 8 * words], start, slow) == expected


# Errors.


def test_an_existing_journal_is_not_written_over(tmp_path):
    written(tmp_path, 3)
    with pytest.raises(JournalError, match="holds a journal already"):
        JournalWriter(tmp_path, {}, 8)


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(JournalError, match="can't make a journal segment: No such file"):
        JournalWriter(tmp_path / "none", {}, 8)


def test_a_long_description_takes_more_pages(tmp_path):
    """A thousand instruments have to be described, too."""
    description = {"text": "x" * 20 * HEADER_BYTES}
    with_room = JournalWriter(tmp_path, description, 8)
    with_room.append(some(5), 7)
    with_room.close()
    (path,) = segment_paths(tmp_path)
    assert path.stat().st_size == 21 * HEADER_BYTES + 5 * RECORD_BYTES
    reader = JournalReader(path)
    assert (reader.description, len(reader), reader.torn_at) == (description, 5, None)
    damaged = bytearray(path.read_bytes())
    damaged[13 * HEADER_BYTES] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(JournalError, match="the header's checksum is wrong"):
        JournalReader(path)
    path.write_bytes(damaged[: 3 * HEADER_BYTES])
    with pytest.raises(JournalError, match="the header's size is wrong, 86016 bytes"):
        JournalReader(path)


def test_a_segment_of_no_records_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="segment_records must be at least 1, was 0"):
        JournalWriter(tmp_path, {}, 0)


def test_no_room_on_the_disk_is_an_error(tmp_path):
    with pytest.raises(JournalError, match="can't make a journal segment: "):
        JournalWriter(tmp_path, {}, 1 << 54)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "not a journal, has only 0 bytes"),
        (b"x" * 100, "not a journal, has only 100 bytes"),
        (b"x" * 5000, "first bytes are not the magic number"),
    ],
)
def test_another_file_is_not_a_journal(tmp_path, content, problem):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(JournalError, match=problem):
        JournalReader(path)


def test_what_is_not_there_is_an_error(tmp_path):
    with pytest.raises(JournalError, match="no such file or folder"):
        segment_paths(tmp_path / "none")
    with pytest.raises(JournalError, match="no journal-"):
        segment_paths(tmp_path)
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(JournalError, match=str(path)):
            JournalReader(path)


def test_a_segment_has_its_name_only_when_it_is_whole(tmp_path, monkeypatch):
    """A segment that can't be made leaves nothing behind, and the error tells the cause."""
    writer = JournalWriter(tmp_path, {}, segment_records=8)
    monkeypatch.setattr(os, "posix_fallocate", full_disk)
    with pytest.raises(JournalError, match="No space left"):
        writer.append(np.zeros(24, COMMAND), 1)
    monkeypatch.undo()
    names = {path.name for path in tmp_path.iterdir()}
    assert names <= {"journal-000000.hftj", "journal-000001.hftj"}
    writer.close()


def full_disk(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
