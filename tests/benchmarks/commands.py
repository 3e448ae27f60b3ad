"""The command line: one command a table."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable

import numpy as np

from .implementations import BASELINE, OURS, TABLE, Implementation, find, titles
from .measuring import CLOCKS, Record, Timing, measure
from .memory import BATCH, HIDDEN, slots
from .problem import DTYPES, KINDS, SIZES
from .processes import apart
from .report import beyond, digits, left_out, markdown, ratios
from .starting import compile_time, first_run


def main(arguments: list[str] | None = None) -> None:
    """`python -m tests.benchmarks [COMMAND] [OPTIONS]`; the command is `table` unless said."""
    words = sys.argv[1:] if arguments is None else arguments
    if not words or words[0] not in {*COMMANDS, "-h", "--help"}:
        words = ["table", *words]
    options = parser().parse_args(words)
    COMMANDS[options.command](options)


def say(lines: Iterable[str]) -> None:
    """To standard error, so that standard output is the table alone."""
    for line in lines:
        print(line, file=sys.stderr, flush=True)


def table(options: argparse.Namespace) -> None:
    """Time, as ratios to NumPy scheduled by hand: loss and all gradients, verified equal."""
    rows = chosen(options.peers)
    if options.names:
        print(titles() + "\n")
    for dtype in options.dtype:
        records: list[Record] = []
        for kind in options.kinds:
            for size in options.sizes:
                new = measure(kind, size, SIZES[size], dtype, rows, options.seconds, options.clock)
                records += new
                say([f"{dtype} {kind} {size}: " + ", ".join(progress(new))])
        print(f"{dtype}\n\n{ratios(records)}\n", flush=True)
        say([*left_out(records), *beyond(records)])


def progress(records: Iterable[Record]) -> list[str]:
    return [f"{r.name} {digits(r.found.ratio)}" for r in records if isinstance(r.found, Timing)]


def chosen(names: Iterable[str]) -> list[Implementation]:
    try:
        return [find(name) for name in names]
    except ValueError as error:
        raise SystemExit(str(error)) from None


def memory(options: argparse.Namespace) -> None:
    """Memory for each time step, in slots of (batch, hidden) entries."""
    rows = chosen(options.peers)
    say(f"left out: {row.name}: {row.missing}" for row in rows if row.missing)
    names = [n for n, row in zip(options.peers, rows) if not row.missing]
    lengths = tuple(options.lengths)
    for dtype in options.dtype:
        lines = []
        for kind in options.kinds:
            found = [held(name, kind, dtype, lengths) for name in names]
            lines.append([kind, *found])
        head = [f"slots a step, {dtype}", *(find(n).name for n in names)]
        print(markdown(head, lines) + "\n", flush=True)


def held(name: str, kind: str, dtype: str, lengths: tuple[int, int]) -> str:
    try:
        return f"{slots(name, kind, dtype, lengths):.1f}"
    except RuntimeError as error:
        say([f"left out: {error}"])
        return "–"


def growth(options: argparse.Namespace) -> None:
    """Peak memory and time against the number of steps."""
    slot = BATCH * HIDDEN * np.dtype(options.dtype[0]).itemsize
    for name in options.peers:
        for kind in options.kinds:
            peaks = {}
            for tau in options.steps:
                peaks[tau] = apart("memory:peak", name, kind, tau, options.dtype[0])
            least = min(peaks)
            lines = []
            for tau, (peak, seconds) in peaks.items():
                more = (peak - peaks[least][0]) / slot / (tau - least) if tau > least else None
                lines.append(
                    [
                        str(tau),
                        f"{peak / 2**20:.0f}",
                        "–" if more is None else f"{more:.1f}",
                        f"{seconds / tau * 1e6:.1f}",
                    ]
                )
            head = [f"steps, {kind}, {name}", "peak (MiB)", f"slots a step from {least}"]
            print(markdown([*head, "time a step (us)"], lines) + "\n", flush=True)


def overhead(options: argparse.Namespace) -> None:
    """What a call costs that has next to nothing to do: the size tiny, in microseconds."""
    lines, rows = list[list[str]](), [TABLE[BASELINE], TABLE[OURS]]
    for dtype in options.dtype:
        for kind in options.kinds:
            found = measure(kind, "tiny", SIZES["tiny"], dtype, rows, options.seconds)
            base, own = (r.found for r in found)
            if isinstance(base, str) or isinstance(own, str):
                say(left_out(found))
                continue
            mine = own.ratio * base.seconds  # the ratio is less noisy than the time
            more = (f"{v * 1e6:.0f}" for v in (base.seconds, mine, mine - 1.25 * base.seconds))
            lines.append([f"{kind} tiny {dtype}", *more])
    head = ["problem", f"{BASELINE} (us)", f"{OURS} (us)", f"beyond 1.25 {BASELINE} (us)"]
    print(markdown(head, lines))


def start(options: argparse.Namespace) -> None:
    """The first run of a template in a fresh process, imports included; compiling alone."""
    lines = []
    for name in options.templates:
        whole = first_run(name, options.times)
        alone = compile_time("compile_alone", name, times=options.times)
        lines.append([f"template {name}", f"{whole * 1e3:.0f}", f"{alone * 1e3:.0f}"])
    for kind in options.kinds:
        for gates in (False, True) if kind != "rnn" else (False,):
            alone = compile_time("compile_problem", kind, gates, times=options.times)
            title = f"{kind} of the benchmark" + (", gates apart" if gates else "")
            lines.append([title, "–", f"{alone * 1e3:.0f}"])
    print(markdown(["what", "first run in a fresh process (ms)", "compiling alone (ms)"], lines))


COMMANDS: dict[str, Callable[[argparse.Namespace], None]] = {
    "table": table,
    "memory": memory,
    "growth": growth,
    "overhead": overhead,
    "start": start,
}


def parser() -> argparse.ArgumentParser:
    """The commands with their options."""
    whole = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=main.__doc__)
    parts = whole.add_subparsers(dest="command")
    made = {
        n: parts.add_parser(n, help=f.__doc__, description=f.__doc__) for n, f in COMMANDS.items()
    }
    for own in made.values():
        own.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    for name in ("table", "memory", "growth", "overhead"):
        default = DTYPES if name == "table" else DTYPES[:1]
        made[name].add_argument("--dtype", nargs="+", default=default, choices=DTYPES)
    for name, peers in (("table", [*TABLE]), ("memory", [*TABLE]), ("growth", [OURS])):
        text = "names of the table, or one more as name=module:make"
        made[name].add_argument("--peers", nargs="+", default=peers, metavar="NAME", help=text)
    for name, seconds in (("table", 10.0), ("overhead", 3.0)):
        text = "for each problem, about"
        made[name].add_argument("--seconds", type=float, default=seconds, help=text)
    made["table"].add_argument("--sizes", nargs="+", default=[*SIZES], choices=[*SIZES])
    made["table"].add_argument("--clock", default="wall", choices=[*CLOCKS])
    made["table"].add_argument("--names", action="store_true", help="say first what is compared")
    made["memory"].add_argument("--lengths", nargs=2, type=int, default=[3000, 7000])
    steps = [500, 1000, 2000, 4000, 8000]
    made["growth"].add_argument("--steps", nargs="+", type=int, default=steps)
    made["start"].add_argument("--templates", nargs="*", default=[*KINDS], metavar="NAME")
    made["start"].add_argument(
        "--times", type=int, default=5, help="fresh processes for each figure"
    )
    return whole
