"""One thread on one core: what is compared is the work, not who takes more of the machine."""

import os

LIBRARIES = ("OPENBLAS", "OMP", "MKL", "NUMBA", "VECLIB_MAXIMUM")
XLA = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


def confine() -> None:
    """Limit this process and its children. To be called before NumPy is imported."""
    for library in LIBRARIES:
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    os.environ.setdefault("XLA_FLAGS", XLA)
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    if hasattr(os, "sched_setaffinity"):  # XLA takes a second core whatever its flags say
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
