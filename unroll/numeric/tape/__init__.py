"""The fast path: loss and gradients of a scan over tapes, in as few calls a step as possible."""
