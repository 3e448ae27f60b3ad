"""unroll: type a recurrence, see its unfolded graph, its values and its BPTT gradients."""

__version__ = "0.1.0"
