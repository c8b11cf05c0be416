"""Types of the compiled module ext/engine.pyx."""
