"""Plots of a lecture: each in a module of its own, from numbers that a run of the recurrence gives."""
