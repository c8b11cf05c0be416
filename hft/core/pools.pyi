"""Types of the compiled module ext/pools.pyx."""
