"""Two processes at the two ends of a ring, which are stopped, killed and started again."""
