"""Latencies of a run, live or from its files: tables, pictures, exports, comparisons."""
