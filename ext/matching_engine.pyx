"""`MatchingEngine`: the engine for Python, in batches of structured arrays."""

import numpy as np

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from hft.core.book cimport (
    ORDER_POST_ONLY,
    Level,
    Order,
    idmap_find,
    level_after,
    order_is_ask,
    order_life,
    order_price,
)
from hft.core.book_view cimport show_book
from hft.core.buffers cimport bytes_of, writable_bytes_of
from hft.core.control cimport INSTRUMENTS_MAX, Control
from hft.core.engine cimport engine_apply, engine_free, engine_hash, engine_init
from hft.core.messages cimport ACCEPTED, BUY, MESSAGE_SIZE, REJECTED, SELL, Command

from hft.core.messages import COMMAND, MESSAGE, REPORT

__all__ = ["MatchingEngine"]


cdef class MatchingEngine:
    """Order books of many instruments, driven from Python in batches.

    Args:
        instruments: capacity; instruments are the indices 0..instruments-1, all open.
        orders: capacity of the order pool; one more is rejected with POOL_FULL.

    One thread at a time may use an engine. A batch runs without the GIL.
    """

    def __cinit__(self, uint32_t instruments=4, uint32_t orders=65536):
        engine_init(&self.engine, instruments, orders)

    def __dealloc__(self):
        engine_free(&self.engine)
        free(self.box.messages)

    cdef void run(self, const Command *commands, size_t count) noexcept nogil:
        cdef size_t place
        for place in range(count):
            engine_apply(&self.engine, &commands[place], &self.box)

    def process_all(self, commands):
        """Apply commands in order; every answer, reports and market data, as a MESSAGE array."""
        commands = checked(commands)
        cdef const Command *first = <const Command *>bytes_of(commands)
        cdef size_t count = len(commands)
        self.box.count = 0
        with nogil:
            self.run(first, count)
        answers = np.empty(self.box.count, MESSAGE)
        if self.box.count:
            memcpy(writable_bytes_of(answers), self.box.messages, self.box.count * MESSAGE_SIZE)
        return answers

    def process(self, commands):
        """Apply commands in order; the reports alone, as a REPORT array."""
        answers = self.process_all(commands)
        kinds = answers["kind"]
        return answers[(kinds >= ACCEPTED) & (kinds <= REJECTED)].view(REPORT)

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
        cdef const Command *first = <const Command *>bytes_of(commands)
        cdef const int64_t *ends = <const int64_t *>bytes_of(row_end)
        cdef int64_t *target = <int64_t *>writable_bytes_of(rows)
        cdef Py_ssize_t row_count = len(rows)
        cdef Py_ssize_t row
        cdef int64_t done = 0
        with nogil:
            for row in range(row_count):
                while done < ends[row]:
                    self.box.count = 0
                    engine_apply(&self.engine, &first[done], &self.box)
                    done += 1
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

    cdef void copy_side(self, uint32_t instrument, int is_ask, uint32_t levels, int64_t *target,
                        int stride) noexcept nogil:
        """Write price and lots (and, at a stride of 3, orders) of the best levels."""
        cdef uint32_t index = self.engine.book.instruments[instrument].sides[is_ask].best
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
            index = level_after(&self.engine.book, instrument, is_ask, level.price_ticks)

    def show(self, Control control, uint32_t instrument, int64_t event_ts_ns):
        """Publish an instrument's view in a control page, as the engine node does."""
        self.check_instrument(instrument)
        if instrument >= INSTRUMENTS_MAX:
            raise IndexError(f"instrument must be below {INSTRUMENTS_MAX}, was {instrument}")
        show_book(&self.engine.book, instrument, &control.page.instruments[instrument],
                  event_ts_ns, self.engine.counts.commands)

    def order(self, uint64_t order_id):
        """What is known of a live order, as a dict; None if none has the id."""
        cdef uint32_t index = idmap_find(&self.engine.book.ids, order_id) if order_id else 0
        if index == 0:
            return None
        cdef Order *found = &self.engine.book.orders[index]
        return {
            "order_id": found.order_id,
            "instrument": found.instrument,
            "side": SELL if order_is_ask(found) else BUY,
            "price_ticks": order_price(&self.engine.book, index),
            "leaves_lots": found.leaves_lots,
            "life_lots": order_life(&self.engine.book, index),
            "account": self.engine.book.accounts[index],
            "post_only": (found.flags & ORDER_POST_ONLY) != 0,
        }

    def state_hash(self):
        """64-bit hash of all books; equal states have equal hashes (docs/engine.md)."""
        return engine_hash(&self.engine)

    def state(self, uint32_t instrument):
        """The instrument's InstrumentState, as an int."""
        self.check_instrument(instrument)
        return self.engine.book.instruments[instrument].state

    def displaced_lots(self, uint32_t instrument):
        """What own orders took from recorded orders or kept from them, in lots."""
        self.check_instrument(instrument)
        return self.engine.book.instruments[instrument].displaced_lots

    def counts(self):
        """Commands, trades, traded lots and rejections so far, as a dict."""
        return self.engine.counts

    def __len__(self):
        """Live orders, ghosts included."""
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
