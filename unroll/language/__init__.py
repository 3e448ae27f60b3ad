"""Text to recurrence and back."""
