"""Text to recurrence and back: notation, grammar, parser, printer, LaTeX."""
