"""Values and gradients: schedule, NumPy source, trace, checks."""
