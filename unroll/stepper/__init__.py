"""Stepping through a run: what happens in which order, and a program for pages to compute it with."""
