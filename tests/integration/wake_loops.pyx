"""Two sides that hand a turn to each other through wake words: what test_wake.py runs.

Compiled by that test on ext/wake.pxd. Each side has a wake word, and counts the turns it gave.
"""

from libc.stdint cimport int64_t, uint64_t

from hft.core.atomics cimport cpu_pause, load_acquire, store_release
from hft.core.clock cimport host_now_ns
from hft.core.wake cimport WakeWord, wake, wake_arm, wake_disarm, wake_wait

cdef int64_t PATIENCE_NS = 2_000_000_000


cdef struct Side:
    WakeWord word
    uint64_t given
    int64_t given_ts_ns
    uint64_t pad[14]


SIDES_BYTES = 2 * sizeof(Side)


cdef uint64_t drawn(uint64_t *state, uint64_t below) noexcept nogil:
    """xorshift64 (Marsaglia 2003)."""
    state[0] ^= state[0] << 13
    state[0] ^= state[0] >> 7
    state[0] ^= state[0] << 17
    return state[0] % below


def play(unsigned char[::1] memory, bint second, int turns, int pause_rounds, uint64_t seed,
         int64_t[::1] took_ns):
    """Wait for a turn, pause for a random moment, give it back; the second side begins.

    Fills in how long each turn took from being given to being seen, 0 for those that were there
    before the wait. Returns how often it waited, and how many wake-ups were lost: a turn was there
    when the time was up.
    """
    cdef Side *sides = <Side *>&memory[0]
    cdef Side *mine = &sides[second]
    cdef Side *other = &sides[not second]
    cdef int64_t began_ns, now_ns
    cdef uint64_t state = seed
    cdef int waited = 0
    cdef int lost = 0
    cdef int turn, again
    cdef uint64_t rounds
    with nogil:
        for turn in range(turns):
            if not (second and turn == 0):
                for rounds in range(drawn(&state, pause_rounds)):
                    if load_acquire(&other.given) > <uint64_t>(turn - second):
                        break
                    cpu_pause()
                again = 0
                while load_acquire(&other.given) <= <uint64_t>(turn - second):
                    wake_arm(&mine.word)
                    if load_acquire(&other.given) > <uint64_t>(turn - second):
                        wake_disarm(&mine.word)
                        break
                    began_ns = host_now_ns()
                    wake_wait(&mine.word, PATIENCE_NS)
                    waited += 1
                    now_ns = host_now_ns()
                    if load_acquire(&other.given) > <uint64_t>(turn - second):
                        lost += now_ns - began_ns >= PATIENCE_NS
                        took_ns[turn] = now_ns - other.given_ts_ns
                    else:
                        again += 1
                        if again > 10:  # the other side is dead
                            break
            for rounds in range(drawn(&state, pause_rounds)):
                cpu_pause()
            mine.given_ts_ns = host_now_ns()
            store_release(&mine.given, mine.given + 1)
            wake(&other.word)
    return waited, lost
