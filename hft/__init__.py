"""hft: a trading system whose hot path is Cython."""
