"""One thread: threads that wait for a core make any time. Read when NumPy is imported, hence here."""

import os

for library in ("OPENBLAS", "MKL", "OMP"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")
