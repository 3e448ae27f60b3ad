"""How fast and how lean a run is, as ratios against NumPy scheduled by hand and other libraries.

From the root of the repository, after `pip install -e '.[benchmarks]'`:

    python -m tests.benchmarks                    the table of README, "How fast"
    python -m tests.benchmarks memory             memory for each time step
    python -m tests.benchmarks growth             peak memory and time against the steps
    python -m tests.benchmarks overhead           what a call costs that has next to nothing to do
    python -m tests.benchmarks start              the first run in a fresh process, compiling alone

Each prints Markdown; what it leaves out, and why, goes to standard error. `--help` after any of them
tells its options. `problem` has the equations, `implementations` who computes them, `measuring` the method.
"""
