"""`%%unroll`: equations in a cell of a notebook, their figure below it; `%unroll rnn` for a template.

The options are those of `unroll draw`, read by the same click command.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from typing import Any

import click
from click.core import ParameterSource

from unroll import cli, templates
from unroll.errors import UnrollError
from unroll.interface import Recurrence, parse

_OF_FILES = {"recurrence", "output", "width", "crop", "transparent", "animate"}
_STEPPER = {"steps", "dims", "seed", "tree", "notation", "language", "theme"}
_NOT_DRAWN = {"recurrence", "name", "step"}
_OWN = (
    click.Option(["-n", "--name"], metavar="NAME", help="A variable for the recurrence."),
    click.Option(["--step"], is_flag=True, help="Step through a run instead."),
)


def register(shell: Any) -> None:
    """Make the magics known to a shell of IPython, and the options that Tab completes."""
    shell.register_magic_function(
        lambda line, cell=None: unroll(shell, line, cell), "line_cell", "unroll"
    )
    for start in ("%unroll", "%%unroll"):
        shell.set_hook("complete_command", _complete, str_key=start)


def unroll(shell: Any, line: str, cell: str | None = None) -> Any:
    """The figure (or the stepper) that a cell asks for; what is wrong with it is said below the cell."""
    try:
        return _shown(shell, line, cell)
    except (UnrollError, click.ClickException) as error:
        text = error.format_message() if isinstance(error, click.ClickException) else str(error)
        print(f"unroll: {text}", file=sys.stderr)
        return None


def _shown(shell: Any, line: str, cell: str | None) -> Any:
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise click.UsageError(f"{line!r} cannot be read: {error}") from None
    try:
        context = _command(cell is None).make_context("%unroll", words)
    except click.exceptions.Exit:  # help was shown
        return None
    said = dict(context.params)
    chosen = {n for n in said if context.get_parameter_source(n) is not ParameterSource.DEFAULT}
    name, step = said.pop("name"), said.pop("step")
    found = _recurrence(said.pop("recurrence", None), cell)
    if name is not None:
        if not name.isidentifier():
            raise UnrollError(
                f"{name!r} is no name of a variable", remedy="Write one as in -n rnn."
            )
        shell.push({name: found})
    if step:
        return _steps(found, {n: said[n] for n in chosen - _NOT_DRAWN})
    return cli.figure_of(found, **said)


def _recurrence(text: str | None, cell: str | None) -> Recurrence:
    if cell is not None:
        return parse(cell, name="cell")
    assert text is not None
    return cli.load(text)


def _steps(found: Recurrence, said: dict[str, Any]) -> Any:
    """The stepper. Raises UnrollError for options that only a figure has."""
    for name in said:
        if name not in _STEPPER:
            raise UnrollError(
                f"the stepper has no option --{name.replace('_', '-')}",
                remedy="Leave it out, or leave out --step to have the figure.",
            )
    return found.step(**said)


def _command(of_a_line: bool) -> click.Command:
    """`draw` without its files; on a line of its own with the recurrence."""
    left_out = _OF_FILES - ({"recurrence"} if of_a_line else set())
    params = [p for p in cli.draw.params if p.name not in left_out]
    names = {"help_option_names": ["-h", "--help"]}
    return click.Command("%unroll", params=[*_OWN, *params], callback=dict, context_settings=names)


def _complete(shell: Any, event: Any) -> Sequence[str]:
    """Options, the choices of the option before, and names of templates."""
    line = event.line
    command = _command(not line.startswith("%%"))
    options = {o: p for p in command.params if isinstance(p, click.Option) for o in p.opts}
    words = line.split()
    before = words[-1 if line.endswith(" ") else -2] if len(words) > 1 else ""
    kind = options[before].type if before in options else None
    if isinstance(kind, click.Choice):
        return list(kind.choices)
    found = [o for o in options if o.startswith("--")]
    return [*found, *templates.names()] if not line.startswith("%%") else found
