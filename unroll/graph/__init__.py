"""A recurrence as a graph: folded (one node a variable) and unrolled (one a variable and step)."""
