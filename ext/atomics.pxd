"""The memory operations that processes share words with: C11 atomics by their GCC names."""

from libc.stdint cimport int64_t, uint64_t

cdef extern from *:
    """
    #define hft_load_acquire(word) __atomic_load_n(word, __ATOMIC_ACQUIRE)
    #define hft_load_relaxed(word) __atomic_load_n(word, __ATOMIC_RELAXED)
    #define hft_store_release(word, value) __atomic_store_n(word, value, __ATOMIC_RELEASE)
    #define hft_store_relaxed(word, value) __atomic_store_n(word, value, __ATOMIC_RELAXED)
    #define hft_fence_acquire() __atomic_thread_fence(__ATOMIC_ACQUIRE)
    #define hft_fence_release() __atomic_thread_fence(__ATOMIC_RELEASE)
    #if defined(__x86_64__)
    #define hft_pause() __builtin_ia32_pause()
    #elif defined(__aarch64__)
    #define hft_pause() __asm__ __volatile__("yield")
    #else
    #define hft_pause() ((void)0)
    #endif
    """
    uint64_t load_acquire "hft_load_acquire"(const uint64_t *word) noexcept nogil
    uint64_t load_relaxed "hft_load_relaxed"(const uint64_t *word) noexcept nogil
    void store_release "hft_store_release"(uint64_t *word, uint64_t value) noexcept nogil
    void store_relaxed "hft_store_relaxed"(uint64_t *word, uint64_t value) noexcept nogil
    void fence_acquire "hft_fence_acquire"() noexcept nogil
    void fence_release "hft_fence_release"() noexcept nogil
    void cpu_pause "hft_pause"() noexcept nogil
