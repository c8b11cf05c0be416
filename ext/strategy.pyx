"""Base class of compiled strategies."""

__all__ = ["Strategy"]


cdef void ignore_book(void *state, Desk *desk, const BookTop *top,
                      const Features *features) noexcept nogil:
    pass


cdef void ignore_trade(void *state, Desk *desk, const Trade *trade) noexcept nogil:
    pass


cdef void ignore_signal(void *state, Desk *desk, const Decision *decision) noexcept nogil:
    pass


cdef void ignore_report(void *state, Desk *desk, const Report *report) noexcept nogil:
    pass


cdef void ignore_call(void *state, Desk *desk) noexcept nogil:
    pass


cdef class Strategy:
    """Holds the callbacks; those that a subclass does not set do nothing."""

    def __cinit__(self):
        self.calls.state = NULL
        self.calls.on_book = ignore_book
        self.calls.on_trade = ignore_trade
        self.calls.on_signal = ignore_signal
        self.calls.on_report = ignore_report
        self.calls.on_timer = ignore_call
        self.calls.on_start = ignore_call
        self.calls.on_stop = ignore_call
