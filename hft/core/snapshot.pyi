"""Types of the compiled module ext/snapshot.pyx."""
