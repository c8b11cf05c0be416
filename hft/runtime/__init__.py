"""What runs the graph: topology, segments, supervisor, the process of a node."""
