# The threads of the model, in the language of ext/*.pxd, whose functions they call. A message is
# its number in each of its words; the last is the stamp's, -number until it is stamped. `ghost`
# words and `assert` belong to the checks alone. `choose(n)` is any of 0..n-1.

cdef void wait_producer(RingEnd *ring):
    cdef uint64_t message
    ring_resume_producer(ring)
    assert ring.head == newest_sequence(), "a producer goes on after what was published"
    while ring.head < MESSAGES:
        message = ring.head + 1
        if ring_try_push(ring, &message, message) and MAY_DIE and choose(2):
            ring_show_head(ring)

cdef void wait_consumer(RingEnd *ring):
    cdef Message *message
    ring_resume_consumer(ring)
    while ring.cursor < MESSAGES:
        message = ring_peek(ring)
        if message == NULL:
            ring_store_cursor(ring)
        else:
            assert ring.cursor <= ghost.taken, "no message is lost"
            assert message.words[1] == ring.cursor + 1, "a message is whole"
            assert message.words[2] == ring.cursor + 1, "a message is whole"
            ghost.taken = max(ghost.taken, ring.cursor + 1)
            ring_advance(ring)
    ring_store_cursor(ring)

cdef void batch_producer(RingEnd *ring):
    cdef uint64_t found = 0
    cdef Message *slot
    while ring.head < MESSAGES:
        slot = ring_claim(ring, 2, &found)
        if found:
            slot.words[1] = ring.head + 1
            if found > 1:
                ring.slots[(ring.head + 1) & ring.mask].words[1] = ring.head + 2
            ring_publish(ring, found, STAMP)

cdef void batch_consumer(RingEnd *ring):
    cdef uint64_t found, place
    while ring.cursor < MESSAGES:
        found = ring_peek_batch(ring, 2)
        place = 0
        while place < found:
            ghost.taken += 1
            assert ring.slots[(ring.cursor + place) & ring.mask].words[1] == ghost.taken, "whole"
            assert ring.slots[(ring.cursor + place) & ring.mask].words[2] == STAMP, "it is whole"
            place += 1
        ring_release(ring, found)

cdef void drop_producer(RingEnd *ring):
    cdef uint64_t message
    ring_resume_producer(ring)
    assert ring.head == newest_sequence(), "a producer goes on after what was published"
    while ring.head < MESSAGES:
        message = ring.head + 1
        ring_overwrite(ring, &message, message)
        if MAY_DIE and choose(2):
            ring_show_head(ring)

cdef void drop_consumer(RingEnd *ring):
    cdef Target message
    cdef uint64_t seen = 0
    cdef uint64_t before, first_seen
    ring_resume_consumer(ring)
    first_seen = ring.cursor - ring.lost
    assert first_seen == ghost.stored or first_seen == ghost.storing, "lost belongs to its cursor"
    while ring.cursor < MESSAGES:
        before = ring.cursor
        if ring_copy_next(ring, &message):
            assert message.words[0] == ring.cursor, "a message has its number"
            assert message.words[1] == ring.cursor, "a message is whole"
            assert message.words[2] == ring.cursor, "a message is whole"
            assert ring.cursor > before, "messages come in order"
            seen += 1
        assert first_seen + seen + ring.lost == ring.cursor, "seen and lost are all"
        if MAY_DIE:
            ghost.storing = ring.cursor - ring.lost
            ring_store_seen(ring)
            ghost.stored = ring.cursor - ring.lost

cdef void onlook_producer(RingEnd *ring):
    cdef uint64_t message
    while ring.head < MESSAGES:
        message = ring.head + 1
        ring_overwrite(ring, &message, message)
        if choose(2):
            ring_show_head(ring)

cdef void onlook_consumer(RingEnd *ring):
    cdef Target message
    cdef uint64_t before = 0
    while ring.newest < MESSAGES:
        if ring_latest(ring, &message):
            assert message.words[0] == ring.newest, "the newest has its number"
            assert message.words[1] == ring.newest, "the newest is whole"
            assert message.words[2] == ring.newest, "the newest is whole"
            assert ring.newest >= before, "it never goes back"
            before = ring.newest

cdef void promise_producer(RingEnd *ring, OutEdge *edge):
    cdef uint64_t message
    while ring.head < MESSAGES:
        message = ring.head + 1
        if ring_try_push(ring, &message, message):
            edge_promise(edge, ring.head)

cdef void promise_consumer(RingEnd *ring, InEdge *edge):
    cdef Message *message
    cdef uint64_t promised
    while ring.cursor < MESSAGES:
        promised = edge_progress(edge)
        message = ring_peek(ring)
        while message != NULL:
            ring_advance(ring)
            message = ring_peek(ring)
        assert ring.cursor >= promised, "what is promised is there"
        ring_store_cursor(ring)

cdef void view_producer(InstrumentStats *shown):
    cdef uint64_t number = 0
    while number < MESSAGES:
        number += 1
        show_book(shown, 0, shown, number, number)

cdef void view_consumer(InstrumentStats *shown):
    cdef uint64_t version, number, bids, asks
    cdef uint64_t found = 0
    while found < MESSAGES:
        version = load_acquire(&shown.view_version)
        if version % 2:
            number = load_relaxed(&shown.view_odd.event_ts_ns)
            bids = load_relaxed(&shown.view_odd.bids)
            asks = load_relaxed(&shown.view_odd.asks)
        else:
            number = load_relaxed(&shown.view_even.event_ts_ns)
            bids = load_relaxed(&shown.view_even.bids)
            asks = load_relaxed(&shown.view_even.asks)
        fence_acquire()
        if load_relaxed(&shown.view_version) == version:
            assert number == version and bids == version and asks == version, "a view is whole"
            found = version

cdef void park_producer(RingEnd *ring, WakeWord *word):
    cdef uint64_t message
    while ring.head < MESSAGES:
        message = ring.head + 1
        if ring_try_push(ring, &message, message):
            wake(word)

cdef void park_consumer(RingEnd *ring, WakeWord *word):
    while ring.cursor < MESSAGES:
        wake_arm(word)
        if ring_peek(ring) != NULL:
            wake_disarm(word)
            ring_advance(ring)
        else:
            ring_store_cursor(ring)
            wake_wait(word, 0)
