"""Types of the compiled module ext/book.pyx."""
