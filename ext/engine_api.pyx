"""The engine for C: the function table of ext/include/hft_engine.h, exported as the capsule `API`.

The functions know nothing of Python but where they make or drop what Python made: `create` and the
two of a ring take the GIL, and turn exceptions into NULL.
"""

from cpython.pycapsule cimport PyCapsule_New
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from hft.core.book cimport level_after
from hft.core.clock cimport host_now_ns
from hft.core.engine cimport (
    Engine,
    engine_apply,
    engine_apply_batch,
    engine_check,
    engine_free,
    engine_hash,
    engine_init,
    engine_prefault,
)
from hft.core.hints cimport HFT_AUDIT
from hft.core.messages cimport BUY, LAYOUT_VERSION, MESSAGE_SIZE, SELL, Message
from hft.core.outbox cimport Outbox, outbox_reserve
from hft.core.pools cimport Level
from hft.core.ring cimport (
    RING_DROP,
    Ring,
    RingEnd,
    ring_overwrite,
    ring_show_head,
    ring_try_push,
)
from hft.core.static_assert cimport static_assert

from hft.errors import AttachError, SegmentError

__all__ = ["API"]

cdef extern from "hft_engine.h" nogil:
    enum:
        HFT_ENGINE_API_VERSION
        HFT_ENGINE_CHUNK
    ctypedef union hft_message:
        pass
    ctypedef struct hft_engine:
        pass
    ctypedef struct hft_ring:
        pass
    ctypedef void (*hft_on_answers)(void *, const hft_message *, size_t) noexcept nogil
    ctypedef struct hft_engine_api:
        uint32_t api_version
        uint32_t layout_version
        hft_engine *(*create)(uint32_t, uint32_t, uint32_t, uint32_t) noexcept nogil
        void (*destroy)(hft_engine *) noexcept nogil
        void (*prefault)(hft_engine *) noexcept nogil
        size_t (*apply)(hft_engine *, const hft_message *, size_t, hft_on_answers,
                        void *) noexcept nogil
        size_t (*apply_to_ring)(hft_engine *, const hft_message *, size_t,
                                hft_ring *) noexcept nogil
        hft_ring *(*ring_attach)(const char *) noexcept nogil
        void (*ring_detach)(hft_ring *) noexcept nogil
        uint64_t (*state_hash)(const hft_engine *) noexcept nogil
        uint64_t (*order_count)(const hft_engine *) noexcept nogil
        uint32_t (*check)(const hft_engine *) noexcept nogil
        uint64_t (*mapped_bytes)(const hft_engine *) noexcept nogil
        uint64_t (*resident_bytes)(const hft_engine *) noexcept nogil
        uint32_t (*depth)(const hft_engine *, uint32_t, uint32_t, uint32_t, int64_t *, int64_t *,
                          int64_t *) noexcept nogil

cdef extern from *:
    """
    #include <sys/mman.h>
    #include <stdint.h>

    /* Bytes of a mapping that are in memory. */
    static uint64_t hft_resident(char *start, uint64_t bytes)
    {
        unsigned char pages[4096];
        uint64_t found = 0;
        const uint64_t page = 4096, step = page * sizeof(pages);
        for (uint64_t done = 0; done < bytes; done += step) {
            const uint64_t part = bytes - done < step ? bytes - done : step;
            if (mincore(start + done, part, pages) != 0)
                continue;
            for (uint64_t i = 0; i < (part + page - 1) / page; i++)
                found += pages[i] & 1;
        }
        return found * page;
    }
    """
    uint64_t hft_resident(char *start, uint64_t length) noexcept nogil

static_assert(sizeof(hft_message) == MESSAGE_SIZE)

cdef enum:
    ANSWERS = 4 * 1024  # room at the start; more than a chunk of commands usually causes
    ANSWERS_AUDITED = 16  # where the engine is checked, running out of room is, too


cdef struct Handle:
    Engine engine
    Outbox answers  # of `apply`
    # Of `apply_to_ring`: what the ring has not taken starts at `published`.
    Outbox waiting
    uint32_t published


cdef struct RingEntry:
    RingEnd *end
    PyObject *owner  # the Ring, which keeps the memory mapped


cdef hft_engine *create(uint32_t instruments, uint32_t orders, uint32_t listed,
                        uint32_t market_data) noexcept nogil:
    cdef Handle *self = <Handle *>calloc(1, sizeof(Handle))
    if self == NULL:
        return NULL
    with gil:
        try:
            engine_init(&self.engine, instruments, orders, listed, market_data)
        except (ValueError, MemoryError):
            free(self)
            return NULL
    outbox_reserve(&self.answers, ANSWERS_AUDITED if HFT_AUDIT else ANSWERS)
    outbox_reserve(&self.waiting, ANSWERS_AUDITED if HFT_AUDIT else ANSWERS)
    return <hft_engine *>self


cdef void destroy(hft_engine *engine) noexcept nogil:
    cdef Handle *self = <Handle *>engine
    if self != NULL:
        engine_free(&self.engine)
        free(self.answers.messages)
        free(self.waiting.messages)
        free(self)


cdef void prefault(hft_engine *engine) noexcept nogil:
    engine_prefault(&(<Handle *>engine).engine)


cdef size_t apply(hft_engine *engine, const hft_message *commands, size_t count,
                  hft_on_answers on, void *context) noexcept nogil:
    cdef Handle *self = <Handle *>engine
    cdef const Message *messages = <const Message *>commands
    cdef size_t done = 0
    cdef size_t left
    while done < count:
        self.answers.count = 0
        left = count - done
        done += engine_apply_batch(&self.engine, &messages[done],
                                   min(left, <size_t>HFT_ENGINE_CHUNK), left, &self.answers)
        if on != NULL and self.answers.count:
            on(context, <const hft_message *>self.answers.messages, self.answers.count)
    return done


cdef bint publish(Handle *self, RingEnd *ring, uint32_t stamp) noexcept nogil:
    """Move what waits to the ring; whether all of it found room."""
    cdef Outbox *box = &self.waiting
    if ring.header.policy == RING_DROP:
        while self.published < box.count:
            ring_overwrite(ring, &box.messages[self.published], stamp)
            self.published += 1
    else:
        while self.published < box.count and ring_try_push(
            ring, &box.messages[self.published], stamp
        ):
            self.published += 1
    if self.published < box.count:
        return False
    self.published = box.count = 0
    return True


cdef size_t apply_to_ring(hft_engine *engine, const hft_message *commands, size_t count,
                          hft_ring *ring) noexcept nogil:
    cdef Handle *self = <Handle *>engine
    cdef const Message *messages = <const Message *>commands
    cdef RingEnd *end = (<RingEntry *>ring).end
    cdef uint32_t stamp = <uint32_t>host_now_ns()
    cdef size_t done = 0
    cdef size_t stamped = 0
    while publish(self, end, stamp) and done < count:
        done += engine_apply(&self.engine, &messages[done], count - done, &self.waiting)
        if done - stamped >= HFT_ENGINE_CHUNK:
            stamped = done
            stamp = <uint32_t>host_now_ns()
    ring_show_head(end)
    return done


cdef bint attach(RingEntry *entry, const char *name) noexcept:
    """Whether there is such a ring to produce on; C has no use for what is wrong with it."""
    cdef Ring ring
    try:
        ring = Ring.attach((<bytes>name).decode())
        ring.claim(True)
    except (AttachError, SegmentError, OSError, UnicodeDecodeError):  # no such ring for us
        return False
    Py_INCREF(ring)
    entry.owner = <PyObject *>ring
    entry.end = &ring.ring
    return True


cdef hft_ring *ring_attach(const char *name) noexcept nogil:
    cdef RingEntry *entry = <RingEntry *>calloc(1, sizeof(RingEntry))
    if entry == NULL:
        return NULL
    with gil:
        if not attach(entry, name):
            free(entry)
            return NULL
    return <hft_ring *>entry


cdef void ring_detach(hft_ring *ring) noexcept nogil:
    cdef RingEntry *entry = <RingEntry *>ring
    if entry == NULL:
        return
    with gil:
        Py_DECREF(<object>entry.owner)
    free(entry)


cdef uint64_t state_hash(const hft_engine *engine) noexcept nogil:
    return engine_hash(&(<Handle *>engine).engine)


cdef uint64_t order_count(const hft_engine *engine) noexcept nogil:
    return (<Handle *>engine).engine.book.order_count


cdef uint32_t check(const hft_engine *engine) noexcept nogil:
    return engine_check(&(<Handle *>engine).engine)


cdef uint64_t mapped_bytes(const hft_engine *engine) noexcept nogil:
    cdef Handle *self = <Handle *>engine
    return self.engine.book.arena_bytes + self.engine.arena_bytes


cdef uint64_t resident_bytes(const hft_engine *engine) noexcept nogil:
    cdef Handle *self = <Handle *>engine
    return (
        hft_resident(self.engine.book.arena, self.engine.book.arena_bytes)
        + hft_resident(self.engine.arena, self.engine.arena_bytes)
    )


cdef uint32_t depth(const hft_engine *engine, uint32_t instrument, uint32_t side, uint32_t levels,
                    int64_t *price_ticks, int64_t *lots, int64_t *orders) noexcept nogil:
    cdef Handle *self = <Handle *>engine
    cdef int is_ask = side == SELL
    cdef uint32_t row = 0
    cdef uint32_t index
    cdef Level *level
    if instrument >= self.engine.book.instrument_count or (side != BUY and side != SELL):
        return 0
    index = self.engine.book.instruments[instrument].sides[is_ask].best
    while index and row < levels:
        level = &self.engine.book.levels[index]
        if price_ticks != NULL:
            price_ticks[row] = level.price_ticks
        if lots != NULL:
            lots[row] = level.total_lots
        if orders != NULL:
            orders[row] = level.order_count
        row += 1
        index = level_after(&self.engine.book, instrument, is_ask, level.price_ticks)
    return row


cdef hft_engine_api table
table.api_version = HFT_ENGINE_API_VERSION
table.layout_version = LAYOUT_VERSION
table.create = create
table.destroy = destroy
table.prefault = prefault
table.apply = apply
table.apply_to_ring = apply_to_ring
table.ring_attach = ring_attach
table.ring_detach = ring_detach
table.state_hash = state_hash
table.order_count = order_count
table.check = check
table.mapped_bytes = mapped_bytes
table.resident_bytes = resident_bytes
table.depth = depth

API = PyCapsule_New(&table, "hft.core.engine_api.API", NULL)
