"""The nodes of the graph that are written in Python."""
