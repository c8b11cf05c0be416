"""A process that has nothing to do waits in the kernel; whoever gives it something wakes it.

One futex word (futex(2)) per process, on a cache line of its own in the control page. Who is about
to wait stores 1, looks at all its inputs once more, and waits as long as the word is 1. Who has
published something looks at the word, and if it is 1 makes it 0 and wakes. A full fence stands
between the store and the look of either side, so that one of them sees the other's store: no
wake-up is lost. While nobody waits the line stays in the caches of all, and a look costs no more
than the fence.
"""

from libc.stdint cimport int64_t, uint32_t

cdef extern from *:
    """
    #include <linux/futex.h>
    #include <sys/syscall.h>
    #include <time.h>
    #include <unistd.h>

    #define hft_full_fence() __atomic_thread_fence(__ATOMIC_SEQ_CST)
    #define hft_load_word(word) __atomic_load_n(word, __ATOMIC_RELAXED)
    #define hft_store_word(word, value) __atomic_store_n(word, value, __ATOMIC_RELAXED)
    #define hft_exchange_word(word, value) __atomic_exchange_n(word, value, __ATOMIC_ACQ_REL)

    /* Not FUTEX_PRIVATE_FLAG: the word is shared by processes. The timeout is relative. */
    static inline void hft_futex_wait(uint32_t *word, uint32_t value, int64_t at_most_ns) {
        struct timespec timeout = {at_most_ns / 1000000000, at_most_ns % 1000000000};
        syscall(SYS_futex, word, FUTEX_WAIT, value, &timeout, NULL, 0);
    }
    static inline void hft_futex_wake(uint32_t *word) {
        syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
    }
    """
    void full_fence "hft_full_fence"() noexcept nogil
    uint32_t load_word "hft_load_word"(const uint32_t *word) noexcept nogil
    void store_word "hft_store_word"(uint32_t *word, uint32_t value) noexcept nogil
    uint32_t exchange_word "hft_exchange_word"(uint32_t *word, uint32_t value) noexcept nogil
    void futex_wait "hft_futex_wait"(
        uint32_t *word, uint32_t value, int64_t at_most_ns
    ) noexcept nogil
    void futex_wake "hft_futex_wake"(uint32_t *word) noexcept nogil


cdef struct WakeWord:
    uint32_t waits  # 1: its process waits in the kernel, or is about to
    uint32_t reserved[31]


cdef inline void wake_arm(WakeWord *word) noexcept nogil:
    """Say that we are about to wait. The caller looks at all its inputs next."""
    store_word(&word.waits, 1)
    full_fence()


cdef inline void wake_disarm(WakeWord *word) noexcept nogil:
    store_word(&word.waits, 0)


cdef inline void wake_wait(WakeWord *word, int64_t at_most_ns) noexcept nogil:
    """Wait until somebody wakes us, at most so long; a signal ends it too."""
    futex_wait(&word.waits, 1, at_most_ns)
    wake_disarm(word)


cdef inline void wake(WakeWord *word) noexcept nogil:
    """Wake the word's process if it waits or is about to. What it is to see is stored already."""
    full_fence()
    if load_word(&word.waits) and exchange_word(&word.waits, 0):
        futex_wake(&word.waits)


cdef inline void wake_own(WakeWord *word) noexcept nogil:
    """The same within one thread: have the loop look once more before it waits."""
    if load_word(&word.waits):
        store_word(&word.waits, 0)
