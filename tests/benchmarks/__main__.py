"""`python -m tests.benchmarks`."""

from .machine import confine

if __name__ == "__main__":
    confine()  # before NumPy is imported
    from .commands import main

    main()
