"""From graphs to scenes: placement, labels, flows, colours."""
