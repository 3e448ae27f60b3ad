"""Everyone else: a module each with `make(kind, size, dtype)`, as `implementations` says."""
