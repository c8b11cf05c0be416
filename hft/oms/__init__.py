"""What became of orders: the records of a run, and what they come to."""
