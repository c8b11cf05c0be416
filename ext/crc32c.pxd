"""CRC32C (Castagnoli) of whole 64-bit words: one instruction a word where the processor has it."""

from libc.stddef cimport size_t
from libc.stdint cimport uint32_t, uint64_t

cdef extern from *:
    """
    #include <stddef.h>
    #include <stdint.h>
    #if defined(__x86_64__)
    #include <nmmintrin.h>
    __attribute__((target("sse4.2")))
    static uint32_t hft_crc32c_fast(uint32_t crc, const uint64_t *words, size_t count) {
        uint64_t state = crc;
        for (size_t i = 0; i < count; i++) state = _mm_crc32_u64(state, words[i]);
        return (uint32_t)state;
    }
    #endif
    /* Reflected polynomial, a bit at a time: only for processors without the instruction. */
    static uint32_t hft_crc32c_slow(uint32_t crc, const uint64_t *words, size_t count) {
        for (size_t i = 0; i < count; i++) {
            uint64_t word = words[i];
            for (int bit = 0; bit < 64; bit++, word >>= 1)
                crc = (crc >> 1) ^ (((crc ^ (uint32_t)word) & 1) ? 0x82F63B78u : 0);
        }
        return crc;
    }
    static uint32_t hft_crc32c(uint32_t crc, const uint64_t *words, size_t count) {
    #if defined(__x86_64__)
        if (__builtin_cpu_supports("sse4.2")) return ~hft_crc32c_fast(~crc, words, count);
    #endif
        return ~hft_crc32c_slow(~crc, words, count);
    }
    """
    uint32_t crc32c "hft_crc32c"(uint32_t crc, const uint64_t *words, size_t count) noexcept nogil
    uint32_t crc32c_slow "hft_crc32c_slow"(uint32_t crc, const uint64_t *words,
                                           size_t count) noexcept nogil
