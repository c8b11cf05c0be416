"""What the compiler can't see: which way a branch goes, and what memory is wanted soon."""

cdef extern from *:
    """
    /* GCC takes a function that only prefetches for one without effect and drops its calls. */
    #if defined(__x86_64__)
    #define hft_prefetch(address) \\
        __asm__ volatile("prefetcht0 %0" : : "m"(*(const char *)(address)))
    #define hft_prefetch_write(address) \\
        __asm__ volatile("prefetchw %0" : : "m"(*(const char *)(address)))
    #else
    #define hft_prefetch(address) __builtin_prefetch((const void *)(address), 1)
    #define hft_prefetch_write(address) __builtin_prefetch((const void *)(address), 1)
    #endif
    """
    bint likely(bint condition) noexcept nogil
    bint unlikely(bint condition) noexcept nogil
    void prefetch "hft_prefetch"(const void *address) noexcept nogil
    void prefetch_write "hft_prefetch_write"(const void *address) noexcept nogil

cdef extern from *:
    """
    #ifndef HFT_AUDIT
    #define HFT_AUDIT 0
    #endif
    """
    const bint HFT_AUDIT  # trace and sanitizer builds check the invariants at every command
