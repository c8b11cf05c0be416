"""A condition that must hold for a module to compile: the sizes of shared layouts."""

cdef extern from *:
    """
    #define HFT_STATIC_ASSERT(condition) do { _Static_assert(condition, #condition); } while (0)
    """
    void static_assert "HFT_STATIC_ASSERT"(bint condition) noexcept nogil
