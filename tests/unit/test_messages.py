"""The wire layout, seen from NumPy."""

import numpy as np
import pytest

from hft.core import messages
from hft.core.messages import MESSAGE, PAYLOAD_OF_KIND, SOURCE_SHIFT, Kind, Source, order_id
from tools import message_docs

DTYPES = {
    name: getattr(messages, name)
    for name in (
        "MESSAGE",
        "COMMAND",
        "ORDER_OPTIONS_DTYPE",
        "INSTRUMENT_RULES",
        "REPORT",
        "TRADE_DTYPE",
        "BOOK_TOP_DTYPE",
        "BOOK_LEVEL_DTYPE",
        "BOOK_ORDER_DTYPE",
        "SIGNAL_DTYPE",
        "DECISION_DTYPE",
        "CONTROL",
    )
}


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
def test_fields_fill_a_cache_line_without_gaps(dtype):
    """No padding: every byte of a message has a name, so it is written and compared."""
    end = 0
    for name in dtype.names:
        field, offset = dtype.fields[name][:2]
        assert offset == end, name
        assert offset % field.alignment == 0, name
        end = offset + field.itemsize
    assert end == dtype.itemsize == 64


def test_snapshot_is_the_layout():
    """A layout changes on purpose only, and its version with it."""
    assert message_docs.SNAPSHOT.read_text() == message_docs.snapshot()


def test_docs_are_fresh():
    """docs/messages.md says what the code does."""
    assert message_docs.DOCS.read_text() == message_docs.docs()
    assert message_docs.HEADER.read_text() == message_docs.header()


def test_views_alias():
    """A view as another dtype is the same memory, header fields included."""
    array = np.zeros(2, MESSAGE)
    trades = array.view(messages.TRADE_DTYPE)
    trades["sequence"] = [1, 2]
    trades["price_ticks"] = -5
    assert array["sequence"].tolist() == [1, 2]
    assert array.view(messages.COMMAND)["origin_ts_ns"].tolist() == [0, 0]
    assert np.shares_memory(array["payload"], trades["price_ticks"])
    assert array["payload"].any()


def test_every_kind_has_a_payload():
    assert set(PAYLOAD_OF_KIND) == set(Kind)
    assert all(dtype in DTYPES.values() for dtype in PAYLOAD_OF_KIND.values())


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name)
def test_round_trip(kind):
    """Extreme values of every field of every kind survive bytes and the view as MESSAGE."""
    dtype = PAYLOAD_OF_KIND[kind]
    sent = np.zeros(2, dtype)
    for name in dtype.names:
        field = dtype[name].base
        limits = np.finfo(field) if field.kind == "f" else np.iinfo(field)
        sent[name][0], sent[name][1] = limits.min, limits.max
    sent["kind"] = kind
    received = np.frombuffer(sent.view(MESSAGE).tobytes(), MESSAGE)
    assert received["kind"].tolist() == [kind, kind]
    assert (received.view(dtype) == sent).all()


def test_order_id_keeps_source_and_number():
    number = 2**SOURCE_SHIFT - 1
    for source in Source:
        identity = order_id(source, number)
        assert identity >> SOURCE_SHIFT == source
        assert identity & number == number
        assert np.uint64(identity) == identity


@pytest.mark.parametrize("number", [-1, 2**SOURCE_SHIFT])
def test_order_id_refuses_a_number_that_would_touch_the_source(number):
    with pytest.raises(ValueError, match="number must be in"):
        order_id(Source.SOURCE_STRATEGY, number)
