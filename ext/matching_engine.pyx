"""`MatchingEngine`: the engine for Python, in batches of structured arrays."""

import numpy as np

from cpython.buffer cimport (
    PyBUF_SIMPLE,
    PyBUF_WRITABLE,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from hft.core.accounts cimport Position, position_of
from hft.core.book cimport level_after, side_at
from hft.core.book_view cimport show_book
from hft.core.buffers cimport bytes_of, writable_bytes_of
from hft.core.control cimport Control
from hft.core.departures cimport hidden_lots, order_instrument, order_price
from hft.core.engine cimport (
    engine_apply,
    engine_apply_batch,
    engine_check,
    engine_free,
    engine_hash,
    engine_init,
    engine_prefault,
)
from hft.core.ghosts cimport order_life
from hft.core.messages cimport (
    BUY,
    MARKET_LEVELS,
    MARKET_ORDERS,
    MESSAGE_SIZE,
    SELL,
    kind_is_report,
)
from hft.core.pools cimport (
    ORDER_GHOST,
    ORDER_GTD,
    ORDER_ICEBERG,
    ORDER_LINKED,
    ORDER_PEG,
    ORDER_POST_ONLY,
    ORDER_REDUCE_ONLY,
    ORDER_STOP,
    SIDES,
    Level,
    Order,
    OrderTerms,
    find_order,
    order_is_ask,
)
from hft.core.snapshot cimport snapshot_capacities, snapshot_read, snapshot_write

from hft.core.messages import COMMAND, MESSAGE, REPORT

__all__ = ["MatchingEngine"]

MARKET_DATA = {"levels": int(MARKET_LEVELS), "orders": int(MARKET_ORDERS)}
SMALL_BATCH = 64  # commands that don't keep the GIL long

# Looked up once: a call of one command is short.
cdef object empty = np.empty


cdef class MatchingEngine:
    """Order books of many instruments, driven from Python in batches.

    Args:
        instruments: capacity; instruments are the indices 0..instruments-1.
        orders: capacity of the order pool; one more is rejected with POOL_FULL.
        listed: how many instruments are listed and open from the start; all by default.
        market_data: streams given beside trades and best prices: "levels", "orders" or both.

    The rules are in docs/engine.md. One thread at a time may use an engine. A batch runs without
    the GIL.
    """

    def __cinit__(self, uint32_t instruments=4, uint32_t orders=65536, listed=None,
                  market_data=()):
        cdef uint32_t streams = 0
        if isinstance(market_data, str):
            market_data = (market_data,)
        for name in market_data:
            if name not in MARKET_DATA:
                raise ValueError(f"market_data must be of {sorted(MARKET_DATA)}, was {name!r}")
            streams |= <uint32_t>MARKET_DATA[name]
        if listed is None:
            listed = instruments
        if not 0 <= listed <= instruments:
            raise ValueError(f"listed must be in 0..{instruments}, was {listed}")
        engine_init(&self.engine, instruments, orders, listed, streams)

    def __dealloc__(self):
        engine_free(&self.engine)
        free(self.box.messages)

    def process_all(self, commands):
        """Apply commands in order; every answer, reports and market data, as a MESSAGE array.

        `commands` is a COMMAND or MESSAGE array; an order's options are the slot after it.
        """
        commands = checked(commands)
        cdef const Message *first = <const Message *>bytes_of(commands)
        cdef size_t count = len(commands)
        self.box.count = 0
        if count <= SMALL_BATCH:
            engine_apply_batch(&self.engine, first, count, count, &self.box)
        else:
            with nogil:
                engine_apply_batch(&self.engine, first, count, count, &self.box)
        answers = empty(self.box.count, MESSAGE)
        if self.box.count:
            memcpy(writable_bytes_of(answers), self.box.messages, self.box.count * MESSAGE_SIZE)
        return answers

    def process(self, commands):
        """Apply commands in order; the reports alone, as a REPORT array."""
        commands = checked(commands)
        cdef const Message *first = <const Message *>bytes_of(commands)
        cdef size_t count = len(commands)
        cdef uint32_t place
        cdef uint32_t reports = 0
        cdef Message *target
        self.box.count = 0
        with nogil:
            engine_apply_batch(&self.engine, first, count, count, &self.box)
            for place in range(self.box.count):
                reports += kind_is_report(self.box.messages[place].header.kind)
        answers = empty(reports, REPORT)
        if reports:
            target = <Message *>writable_bytes_of(answers)
            for place in range(self.box.count):
                if kind_is_report(self.box.messages[place].header.kind):
                    target[0] = self.box.messages[place]
                    target += 1
        return answers

    def process_into(self, commands, answers):
        """Apply commands in order and write every answer into an array of yours: the fastest call.

        Args:
            commands: array of 64-byte items, as of process_all.
            answers: writable array of 64-byte items, one-dimensional.

        Returns:
            How many answers there are. Those beyond the array are not lost: `last_answers` has all.
        """
        cdef Py_buffer source
        cdef Py_buffer target
        cdef size_t count, room
        PyObject_GetBuffer(commands, &source, PyBUF_SIMPLE)
        count = <size_t>source.len // MESSAGE_SIZE
        if source.itemsize != MESSAGE_SIZE:
            PyBuffer_Release(&source)
            raise TypeError(f"commands must have items of 64 bytes, not of {source.itemsize}")
        try:
            PyObject_GetBuffer(answers, &target, PyBUF_WRITABLE)
        except BaseException:
            PyBuffer_Release(&source)
            raise
        room = <size_t>target.len // MESSAGE_SIZE
        self.box.count = 0
        if target.itemsize == MESSAGE_SIZE:
            if count <= SMALL_BATCH:
                engine_apply_batch(&self.engine, <const Message *>source.buf, count, count,
                                   &self.box)
            else:
                with nogil:
                    engine_apply_batch(&self.engine, <const Message *>source.buf, count, count,
                                       &self.box)
            memcpy(target.buf, self.box.messages,
                   min(<size_t>self.box.count, room) * MESSAGE_SIZE)
        PyBuffer_Release(&source)
        PyBuffer_Release(&target)
        if target.itemsize != MESSAGE_SIZE:
            raise TypeError(f"answers must have items of 64 bytes, not of {target.itemsize}")
        return self.box.count

    def last_answers(self):
        """All answers of the last call that processed commands, as a MESSAGE array."""
        answers = empty(self.box.count, MESSAGE)
        if self.box.count:
            memcpy(writable_bytes_of(answers), self.box.messages, self.box.count * MESSAGE_SIZE)
        return answers

    def depth_after(self, commands, row_end, uint32_t levels):
        """Apply commands to instrument 0 and note the book at each row's end.

        Args:
            row_end: int64 array; row k is taken when commands[:row_end[k]] have been applied.

        Returns:
            int64 array (rows, levels, 4): ask price, ask lots, bid price, bid lots per level; an
            empty level is 9999999999, 0, -9999999999, 0 (the convention of LOBSTER's files).
        """
        commands = checked(commands)
        row_end = np.ascontiguousarray(row_end, np.int64)
        rows = np.empty((len(row_end), levels, 4), np.int64)
        if len(rows) and (np.any(np.diff(row_end) < 0) or np.max(row_end) > len(commands)):
            raise ValueError(f"row_end must rise, to at most {len(commands)} commands")
        rows[:, :, 0::2] = 9999999999, -9999999999
        rows[:, :, 1::2] = 0
        cdef const Message *first = <const Message *>bytes_of(commands)
        cdef const int64_t *ends = <const int64_t *>bytes_of(row_end)
        cdef int64_t *target = <int64_t *>writable_bytes_of(rows)
        cdef Py_ssize_t row_count = len(rows)
        cdef Py_ssize_t row
        cdef int64_t done = 0
        with nogil:
            for row in range(row_count):
                while done < ends[row]:
                    self.box.count = 0
                    done += engine_apply(&self.engine, &first[done], <size_t>(ends[row] - done),
                                         &self.box)
                self.copy_side(0, 1, levels, target, 4)
                self.copy_side(0, 0, levels, target + 2, 4)
                target += 4 * levels
        return rows

    def depth(self, uint32_t instrument, uint32_t levels):
        """The best levels: int64 array (2, levels, 3), bids then asks, of price, lots, orders."""
        self.check_instrument(instrument)
        rows = np.zeros((2, levels, 3), np.int64)
        cdef int64_t *target = <int64_t *>writable_bytes_of(rows)
        self.copy_side(instrument, 0, levels, target, 3)
        self.copy_side(instrument, 1, levels, target + 3 * levels, 3)
        return rows

    cdef void copy_side(self, uint32_t instrument, int side, uint32_t levels, int64_t *target,
                        int stride) noexcept nogil:
        """Write price and lots (and, at a stride of 3, orders) of the best levels."""
        cdef uint32_t index = side_at(&self.engine.book, instrument, side).best
        cdef uint32_t row = 0
        cdef Level *level
        while index and row < levels:
            level = &self.engine.book.levels[index]
            target[0] = level.price_ticks
            target[1] = level.total_lots
            if stride == 3:
                target[2] = level.order_count
            target += stride
            row += 1
            index = level_after(&self.engine.book, instrument, side, level.price_ticks)

    def show(self, Control control, uint32_t instrument, int64_t event_ts_ns):
        """Publish an instrument's view in a control page, as the engine node does."""
        self.check_instrument(instrument)
        if instrument >= control.page.instrument_count:
            raise IndexError(
                f"instrument must be below {control.page.instrument_count}, was {instrument}"
            )
        show_book(&self.engine.book, instrument, &control.page.instruments[instrument],
                  event_ts_ns, self.engine.book.say.counts.commands)

    # One order, all orders

    cdef dict described(self, uint32_t index):
        cdef Order *found = &self.engine.book.orders[index]
        cdef OrderTerms *terms = &self.engine.book.terms[index]
        cdef bint waits = (found.flags & ORDER_STOP) != 0
        cdef bint follows = (found.flags & ORDER_PEG) != 0
        if waits:
            state = "waiting"
        elif found.level:
            state = "resting"
        else:
            state = "ghost" if found.flags & ORDER_GHOST else "parked"
        return {
            "order_id": found.order_id,
            "instrument": order_instrument(&self.engine.book, index),
            "side": <int>SELL if order_is_ask(found) else <int>BUY,
            "price_ticks": order_price(&self.engine.book, index),
            "leaves_lots": found.leaves_lots,
            "life_lots": order_life(&self.engine.book, index),
            "account": found.account,
            "post_only": (found.flags & ORDER_POST_ONLY) != 0,
            "state": state,
            "reduce_only": (found.flags & ORDER_REDUCE_ONLY) != 0,
            "display_lots": terms.display_lots if found.flags & ORDER_ICEBERG else 0,
            "hidden_lots": hidden_lots(&self.engine.book, index),
            "trigger_ticks": terms.trigger_ticks if waits or follows else 0,
            "expiry_ts_ns": terms.expiry_ts_ns if found.flags & ORDER_GTD else 0,
            "linked_order_id": (
                self.engine.book.orders[terms.link].order_id if found.flags & ORDER_LINKED else 0
            ),
        }

    def order(self, uint64_t order_id):
        """What is known of a live order, as a dict; None if none has the id."""
        cdef uint32_t index = find_order(&self.engine.book, order_id)
        return self.described(index) if index else None

    def orders(self, instrument=None):
        """Every live order (of one instrument), as dicts: instruments ascending, in book order."""
        cdef uint32_t first = 0
        cdef uint32_t end = self.engine.book.instrument_count
        cdef uint32_t at, level, index
        cdef int side
        if instrument is not None:
            self.check_instrument(instrument)
            first = instrument
            end = first + 1
        found = []
        for at in range(first, end):
            for side in range(<int>SIDES):
                level = side_at(&self.engine.book, at, side).best
                while level:
                    index = self.engine.book.levels[level].head
                    while index:
                        found.append(self.described(index))
                        index = self.engine.book.orders[index].next
                    level = level_after(&self.engine.book, at, side,
                                        self.engine.book.levels[level].price_ticks)
            index = self.engine.book.instruments[at].peg_head
            while index:
                if self.engine.book.orders[index].level == 0:
                    found.append(self.described(index))
                index = self.engine.book.terms[index].next
        return found

    def __iter__(self):
        """Every live order, as `orders` gives them."""
        return iter(self.orders())

    # The whole state

    def state_hash(self):
        """64-bit hash of the whole state; equal states have equal hashes (docs/engine.md)."""
        return engine_hash(&self.engine)

    def snapshot(self):
        """The whole state as bytes, versioned and with checksums: `restore` makes an engine of it.
        """
        return snapshot_write(&self.engine)

    @staticmethod
    def restore(data, orders=None):
        """A new engine with the state of a snapshot.

        Args:
            data: what `snapshot` gave.
            orders: capacity of the new engine; by default that of the old one.

        Raises ValueError if the bytes are damaged, of another version, or don't fit.
        """
        cdef MatchingEngine engine
        if not isinstance(data, bytes):
            raise TypeError(f"a snapshot is bytes, not {type(data).__name__}")
        instruments, capacity, streams = snapshot_capacities(data)
        engine = MatchingEngine(
            instruments,
            capacity if orders is None else orders,
            market_data=[name for name, bit in MARKET_DATA.items() if streams & bit],
        )
        snapshot_read(&engine.engine, data)
        return engine

    def check(self):
        """0, or the number of the invariant that does not hold (ext/audit.pxd): always 0."""
        return engine_check(&self.engine)

    def prefault(self):
        """Touch the memory that every order needs, so that no command takes a page fault for it."""
        engine_prefault(&self.engine)

    def state(self, uint32_t instrument):
        """The instrument's InstrumentState, as an int."""
        self.check_instrument(instrument)
        return self.engine.book.instruments[instrument].state

    def listed(self, uint32_t instrument):
        """Whether the instrument is listed."""
        self.check_instrument(instrument)
        return self.engine.book.instruments[instrument].listed != 0

    def displaced_lots(self, uint32_t instrument):
        """What own orders took from recorded orders or kept from them, in lots."""
        self.check_instrument(instrument)
        return self.engine.book.instruments[instrument].displaced_lots

    def position(self, account, uint32_t instrument):
        """An account's position in lots; None where the engine was never told of it."""
        cdef Position *position
        self.check_instrument(instrument)
        position = position_of(&self.engine.accounts, instrument, account)
        return None if position == NULL else position.lots

    def counts(self):
        """Commands, trades, traded lots and rejections so far, as a dict."""
        counts = dict(self.engine.book.say.counts)
        del counts["amended_lots"]
        return counts

    def __len__(self):
        """Live orders: resting, waiting and parked ones; and ghosts."""
        return self.engine.book.order_count

    cdef int check_instrument(self, uint32_t instrument) except -1:
        if instrument >= self.engine.book.instrument_count:
            raise IndexError(
                f"instrument must be below {self.engine.book.instrument_count}, was {instrument}"
            )
        return 0


def checked(commands):
    """A command array in one piece of memory; TypeError unless its items are 64-byte messages."""
    commands = np.ascontiguousarray(commands)
    if commands.ndim != 1 or commands.dtype not in (COMMAND, MESSAGE):
        raise TypeError(
            "commands must be a one-dimensional array of dtype COMMAND or MESSAGE, was "
            f"{commands.ndim}-dimensional of {commands.dtype}"
        )
    return commands
