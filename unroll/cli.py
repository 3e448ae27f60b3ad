"""The command line. Heavy imports wait until a command needs them."""

from __future__ import annotations

import os
import shlex
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from unroll import NonFiniteWarning, Recurrence, UnrollError, __version__, templates
from unroll.errors import nearest
from unroll.files import read_standard_input, read_text, write
from unroll.interface import from_template, parse, template
from unroll.symbolic.shapes import read_sizes

if TYPE_CHECKING:
    from unroll.figure import Figure
    from unroll.numeric.trace import Trace


MATHEMATICS = frozenset("=←[]{}()^+*\n")  # signs of equations, hardly of a file's name


class Commands(click.Group):
    """A group whose commands answer a problem with the input in one message, exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always", NonFiniteWarning)
                warnings.showwarning = _show_warning
                return super().invoke(ctx)
        except UnrollError as problem:
            click.echo(f"unroll: {problem}", err=True)
            ctx.exit(1)
        except BrokenPipeError:  # the reader of our output has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """One line on standard error."""
    click.echo(f"unroll: {str(message).replace(chr(10), '. ')}", err=True)


def _sizes(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> dict[str, tuple[int, ...]] | None:
    """`x=4,W=3x4,a=number`: a number is a vector's length."""
    if value is None:
        return None
    try:
        return read_sizes(value)
    except UnrollError as error:
        raise click.BadParameter(f"{error.message}; {error.remedy}") from None


def _names(ctx: click.Context, param: click.Parameter, value: str | None) -> list[str] | None:
    return None if value is None else [n.strip() for n in value.split(",") if n.strip()]


def _tree(ctx: click.Context, param: click.Parameter, value: str | None) -> str | list[int] | None:
    """A word, or each node's parent: `3,3,0`."""
    if value is None or not any(c.isdigit() or c == "," for c in value):
        return value
    numbers = [n.strip() for n in value.split(",")]
    if not all(n.isdigit() for n in numbers):
        raise click.BadParameter(f"{value!r} is no list of parents; write one as 3,3,0")
    return [int(n) for n in numbers]


def _floats(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> tuple[float, ...] | None:
    """`0.5,0.9,1.1`"""
    if value is None:
        return None
    return tuple(
        _float(part, f"{value!r} is no list of numbers; write 0.5,1") for part in value.split(",")
    )


def _float(text: str, message: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise click.BadParameter(message) from None


def _numbers_by_name(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> dict[str, Any] | None:
    """`w=5.5,b=-2.25`, and as ranges `w=4..7,b=-3.2..-2`."""
    if value is None:
        return None
    message = f"{value!r} does not say numbers by name; write w=5.5,b=-2, as ranges w=4..7,b=-3..-2"
    count = 2 if param.name == "over" else 1
    found: dict[str, Any] = {}
    for part in value.split(","):
        name, _, said = part.partition("=")
        numbers = tuple(_float(n, message) for n in said.split(".."))
        if not name.strip() or len(numbers) != count:
            raise click.BadParameter(message)
        found[name.strip()] = numbers if count == 2 else numbers[0]
    return found


def _whole_numbers(option: str, value: str, remedy: str) -> list[int]:
    """`5,10`. Raises UnrollError for anything else."""
    numbers = [n.strip() for n in value.split(",")]
    if not all(n.isdecimal() for n in numbers):
        raise UnrollError(f"{option}: {value!r} is no list of whole numbers", remedy=remedy)
    return [int(n) for n in numbers]


def _lengths_by_name(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> list[int] | dict[str, Any] | None:
    """`3,5,2`, and with several axes as `n_x=3,5,2 n_y=4,4,1`."""
    if value is None:
        return None
    if "=" not in value:
        return _whole_numbers("--lengths", value, "Write a length for each sequence, as in 3,5,2.")
    found: dict[str, Any] = {}
    for part in value.split():
        name, _, numbers = part.partition("=")
        if name in found:
            raise UnrollError(
                f"--lengths: {name} is said twice", remedy="Say each axis once: n_x=3,5 n_y=4,1."
            )
        found[name] = _whole_numbers("--lengths", numbers, "Write them as n_x=3,5 n_y=4,1.")
    return found


def _truncation(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> int | list[int] | None:
    """k, or k1 and k2."""
    if value is None:
        return None
    remedy = "Write k as 5, or k1 and k2 as 5,10."
    numbers = _whole_numbers("--truncate", value, remedy)
    if len(numbers) > 2:
        raise UnrollError(f"--truncate: {value!r} is not k, nor k1 and k2", remedy=remedy)
    return numbers[0] if len(numbers) == 1 else numbers


def _checkpoint(ctx: click.Context, param: click.Parameter, value: str | None) -> int | str | None:
    """sqrt, or a number of segments."""
    if value is None or value == "sqrt":
        return value
    if not value.isdecimal():
        raise UnrollError(
            f"--checkpoint: {value!r} is no number of segments",
            remedy="Write a whole number from 1, or sqrt.",
        )
    return int(value)


Command = TypeVar("Command", bound=Callable[..., Any])


def _options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several options as one decorator."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


recurrence_argument = click.argument("recurrence", metavar="RECURRENCE")
of_option = click.option("--of", metavar="NAME", help="The objective, if there are several.")
dims_option = click.option(
    "--dims", callback=_sizes, help="Sizes of values: x=4,W=3x4,a=number; lengths: n_l=2."
)
data_options = _options(
    dims_option,
    click.option(
        "--data", type=click.Path(path_type=Path), help="Arrays by name, as NumPy's .npz."
    ),
    click.option("--seed", type=int, default=0, show_default=True, help="For random arrays."),
)
steps_option = click.option(
    "--steps", type=click.IntRange(min=1), help="Number of steps; of a tree's leaves."
)
lengths_option = click.option(
    "--lengths",
    callback=_lengths_by_name,
    metavar="N,N,...",
    help="Steps of each sequence of a batch: 3,5,2; or with --data, its array lengths.",
)
tree_option = click.option(
    "--tree",
    callback=_tree,
    metavar="balanced|chain|PARENTS",
    help="The tree to run over; 3,3,0 gives each node's parent, 0 for the root.",
)

notation_option = click.option(
    "--notation",
    type=click.Choice(
        ["book", "subscript", "angle", "brackets", "ng", "karpathy", "d2l", "pytorch", "control"]
    ),
    default="book",
    help="Where the step stands, or the names of a course or library.",
)

theme_option = click.option(
    "--theme",
    type=click.Choice(["light", "dark", "auto", "print", "contrast", "transparent"]),
    default="light",
)
file_options = _options(
    click.option("--width", metavar="WIDTH", help="Of .svg .png .pdf .eps: 400, 8.6cm, 1col."),
    click.option(
        "--crop",
        metavar="PX|NODES",
        help="A margin around the drawing; or nodes to keep: h[2],o[4].",
    ),
    click.option("--transparent", is_flag=True, help="Without a background."),
    click.option(
        "--animate",
        is_flag=True,
        help="An .svg that plays the sweep by itself; a .tex of Beamer overlays.",
    ),
    click.option(
        "-o",
        "--output",
        required=True,
        metavar="FILE",
        help=".svg .pdf .png .eps .tex .dot .mmd .gif .apng .html .pptx, or -",
    ),
)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="unroll")
def main() -> None:
    """Type a recurrence; get its unfolded graph, its values, its BPTT gradients, their equations.

    RECURRENCE is a template's name (see `unroll templates`), a file, equations such as
    "h_t = tanh(W h_{t-1} + U x_t + b)", or - for standard input.
    """


@main.command()
@recurrence_argument
@click.option(
    "--view", type=click.Choice(["folded", "unfolded", "both", "schematic"]), default="both"
)
@steps_option
@tree_option
@click.option("--window", is_flag=True, help="Steps …, t-1, t, t+1, … (the default).")
@click.option(
    "--level",
    type=click.Choice(["variables", "units", "operations"]),
    default="variables",
    help="A node for each variable, each unit of a network, or each operation.",
)
@click.option("--hide", callback=_names, metavar="NAMES", help="Variables to leave out: a,yhat.")
@click.option(
    "--expand", metavar="STEP", help="One step drawn finer than the others: t, or a number."
)
@click.option("--glyphs", is_flag=True, help="Draw functions as their curves.")
@click.option(
    "--split",
    callback=_names,
    metavar="NAMES",
    help="States whose earlier value is a node of its own in the circuit: h.",
)
@click.option(
    "--parameters",
    default="labels",
    metavar="labels|nodes|copies[:NAMES]",
    help="Parameters on edges; as nodes; or a copy for each step: copies:W,U.",
)
@click.option(
    "--engine", type=click.Choice(["dot"]), help="Graphviz lays it out, where it is installed."
)
@click.option("--flow", type=click.Choice(["none", "forward", "backward", "both"]), default="none")
@click.option(
    "--derivatives",
    type=click.Choice(["weights", "local"]),
    default="weights",
    help="On the way back: weights, or whole local derivatives.",
)
@click.option("--values", is_flag=True, help="Run it, and show values and gradients.")
@click.option(
    "--elide", default="auto", metavar="auto|middle|end|none|I..J", help="Steps to leave out."
)
@notation_option
@click.option("--bold", is_flag=True, help="Vectors and matrices bold.")
@click.option(
    "--horizon", default="", metavar="NAME", help="What the number of steps is called: T."
)
@click.option("--font", type=click.Choice(["cm", "stix"]), default="cm")
@click.option("--language", type=click.Choice(["en", "zh"]), default="en", help="Of words.")
@click.option("--sums", is_flag=True, help="A plus where several gradients arrive.")
@click.option(
    "--norms", is_flag=True, help="Lines of the way back as wide as their gradients' norms."
)
@click.option("--path", metavar="'A -> B'", help="The shortest way between nodes: 'L[5] -> h[1]'.")
@theme_option
@click.option("--title", help="Title for screen readers and files.")
@data_options
@file_options
def draw(
    output: str,
    width: str | None,
    crop: str | None,
    transparent: bool,
    animate: bool,
    **options: Any,
) -> None:
    """Draw a recurrence: the folded circuit, the unfolded graph, or both."""
    found = load(options.pop("recurrence"))
    _save(figure_of(found, **options), output, width, crop, transparent, animate)


@main.command()
@click.argument("panels", metavar="PANEL...", nargs=-1, required=True)
@click.option("--captions", metavar="A|B", help="Below the panels, one for each, parted by |.")
@click.option("--columns", type=click.IntRange(min=1), help="Panels in a row (all of them).")
@theme_option
@click.option("--title", help="Title for screen readers and files.")
@file_options
def compose(
    panels: tuple[str, ...],
    captions: str | None,
    theme: str,
    title: str | None,
    columns: int | None,
    output: str,
    width: str | None,
    crop: str | None,
    transparent: bool,
    animate: bool,
) -> None:
    """Draw several figures side by side. A PANEL is what `draw` takes: "rnn --view folded"."""
    from unroll.figure import compose as composed

    figures = []
    for panel in panels:
        context = draw.make_context("draw", [*shlex.split(panel), "-o", "-", "--theme", theme])
        said = dict(context.params)
        for option in ("output", "width", "crop", "transparent", "animate"):
            said.pop(option)
        figures.append(figure_of(load(said.pop("recurrence")), **said))
    named = [c.strip() for c in captions.split("|")] if captions else []
    made = composed(figures, named, title=title, columns=columns)
    _save(made, output, width, crop, transparent, animate)


def _save(
    figure: Figure,
    output: str,
    width: str | None,
    crop: str | None,
    transparent: bool,
    animate: bool,
) -> None:
    if crop is not None:
        figure = figure.crop(crop)
    if output == "-":
        said = figure.render(".svg", width=width, transparent=transparent, animate=animate)
        write(output, said)
    else:
        figure.save(output, width=width, transparent=transparent, animate=animate)


def figure_of(
    found: Recurrence,
    values: bool,
    steps: int | None,
    dims: Mapping[str, tuple[int, ...]] | None,
    data: Path | None,
    seed: int,
    tree: str | list[int] | None,
    norms: bool,
    **options: Any,
) -> Figure:
    """The figure that the options of `draw` ask for."""
    trace = None
    if values:
        own = data is not None or (found.template is not None and bool(found.template.arrays))
        sized = steps or own or isinstance(tree, list)
        trace = _run(found, steps if sized else 3, dims, data, seed, tree=tree)
    shown = _lengths(found, steps, dims) if trace is None else None  # values say how many there are
    measured = (
        _run(found, steps or 5, dims, data, seed, tree=tree) if norms and not values else None
    )
    if measured is not None:
        shown = _lengths(found, measured.steps, dims)
    return found.draw(
        steps=shown,
        values=trace,
        norms=norms and (measured or True),
        tree=tree,
        dims=dims,
        **options,
    )


@main.command()
@recurrence_argument
@steps_option
@tree_option
@data_options
@of_option
@lengths_option
@click.option(
    "--truncate", callback=_truncation, metavar="K|K1,K2", help="Gradients end after so many steps."
)
@click.option(
    "--checkpoint",
    callback=_checkpoint,
    metavar="sqrt|N",
    help="Keep the states between N segments only; compute the rest twice.",
)
@click.option("-o", "--output", metavar="FILE", help="Values and gradients as NumPy's .npz.")
@click.option("--show-code", is_flag=True, help="Print the NumPy program instead.")
def run(
    recurrence: str,
    steps: int | None,
    dims: Mapping[str, tuple[int, ...]] | None,
    data: Path | None,
    seed: int,
    of: str | None,
    tree: str | list[int] | None,
    output: str | None,
    show_code: bool,
    **options: Any,
) -> None:
    """Run a recurrence: values forward, gradients backward."""
    trace = _run(load(recurrence), steps, dims, data, seed, of, tree, **options)
    if output:
        trace.save(output)
    if output == "-":
        return
    if show_code:
        click.echo(trace.code, nl=False)
    else:
        from unroll.numeric.report import summarize

        click.echo(summarize(trace))


@main.command()
@recurrence_argument
@steps_option
@tree_option
@data_options
@of_option
@click.option(
    "--notation", type=click.Choice(["book", "subscript", "angle", "brackets"]), default="book"
)
@click.option("--language", type=click.Choice(["en", "zh"]), default="en")
@click.option("--theme", type=click.Choice(["light", "dark", "auto"]), default="auto")
@click.option("-o", "--output", metavar="FILE", help=".html; without it, the browser opens it.")
def step(
    recurrence: str,
    steps: int | None,
    dims: Mapping[str, tuple[int, ...]] | None,
    data: Path | None,
    seed: int,
    of: str | None,
    tree: str | list[int] | None,
    output: str | None,
    **options: Any,
) -> None:
    """Make a page to step through a run: forward, and back through time."""
    found = load(recurrence)
    own = data is not None or (found.template is not None and bool(found.template.arrays))
    count = steps or (None if own or isinstance(tree, list) else 5)
    page = found.step(_run(found, count, dims, data, seed, of, tree), **options)
    if output is not None:
        write(output, page.html())
        return
    import tempfile
    import webbrowser

    path = Path(tempfile.mkdtemp(prefix="unroll-")) / "step.html"
    page.save(path)
    click.echo(str(path), err=True)
    webbrowser.open(path.as_uri())


@main.command()
@recurrence_argument
@click.option("--format", "form", type=click.Choice(["text", "latex"]), default="text")
@notation_option
@of_option
@dims_option
@click.option("-o", "--output", default="-", metavar="FILE")
def derive(
    recurrence: str,
    form: str,
    notation: str,
    of: str | None,
    dims: Mapping[str, tuple[int, ...]] | None,
    output: str,
) -> None:
    """Derive the BPTT equations: boundary case, general step, sums over time."""
    from unroll.language.dialects import letter_as

    found = load(recurrence)
    derivation = found.derive(of, dims=dims)
    latex = form == "latex"
    text = derivation.latex(letter_as(found, notation)) if latex else str(derivation)
    write(output, text + "\n")


@main.command()
@recurrence_argument
@steps_option
@tree_option
@data_options
@of_option
@lengths_option
def check(
    recurrence: str,
    steps: int | None,
    dims: Mapping[str, tuple[int, ...]] | None,
    data: Path | None,
    seed: int,
    of: str | None,
    tree: str | list[int] | None,
    lengths: list[int] | dict[str, Any] | None,
) -> None:
    """Compare every gradient with central differences."""
    found = load(recurrence)
    arrays, lengths = _with_lengths(found, _arrays(data), lengths)
    result = found.check(
        arrays, steps=steps, dims=dims, seed=seed, of=of, tree=tree, lengths=lengths
    )
    click.echo(str(result))
    if not result.passed:
        raise UnrollError(
            f"the gradient of {result.worst} differs from its finite difference",
            remedy="A kink (relu, abs, max, step) close to a value can do this: try another --seed.",
        )


@main.command()
@recurrence_argument
@steps_option
@tree_option
@dims_option
@click.option("--batch", type=click.IntRange(min=1), default=1, help="Sequences at once.")
@click.option("--dtype", type=click.Choice(["float64", "float32"]), default="float64")
@of_option
def cost(recurrence: str, **options: Any) -> None:
    """Say what a run costs, without running it: operations, work, span, parallelism, memory.

    The span is the longest chain of operations in which each needs the one before.
    """
    click.echo(str(load(recurrence).cost(**options)))


@main.command()
@recurrence_argument
def fmt(recurrence: str) -> None:
    """Print a recurrence in canonical form: how its notation was read."""
    click.echo(str(load(recurrence)))


@main.command("templates")
@click.argument("name", required=False)
@click.option("--names", is_flag=True, help="Names only, one a line.")
def show_templates(name: str | None, names: bool) -> None:
    """List the templates, or show one."""
    if name is not None:
        found = templates.load(name)
        about = [found.title, f"({found.source})", "", found.note.strip(), ""]
        click.echo("\n".join([*about, str(from_template(found))]))
        return
    width = max(map(len, templates.names()))
    for each in templates.names():
        click.echo(each if names else f"{each:{width}}  {templates.load(each).title}")


@main.command()
@click.argument("name", required=False)
@click.argument("recurrence", metavar="RECURRENCE", required=False)
@click.option("--names", is_flag=True, help="List the plots, one a line, and draw nothing.")
@steps_option
@dims_option
@click.option("--data", type=click.Path(path_type=Path), help="Arrays by name, as NumPy's .npz.")
@click.option("--seed", type=int, help="For random arrays.  [default: 0]")
@of_option
@click.option("--state", metavar="NAME", help="The state that it is about, if there are several.")
@click.option("--radius", callback=_floats, help="Spectral radii of the recurrent matrices: 0.9,1.")
@click.option(
    "--scale", type=float, help="Of random inputs and biases: small ones saturate nothing."
)
@click.option("--alpha", callback=_floats, help="Shares of the past that a leaky unit keeps.")
@click.option("--leak", metavar="NAME", help="The parameter that is that share.  [default: alpha]")
@click.option("--over", callback=_numbers_by_name, help="Parameters of a surface: w=4..7,b=-3..-2.")
@click.option("--begin", callback=_numbers_by_name, help="Where descent begins: w=5.5,b=-2.25.")
@click.option("--rate", type=float, help="Of gradient descent.")
@click.option("--clip", type=float, help="Norm that a gradient is cut to.")
@click.option("--updates", type=int, help="Steps of descent, at most.")
@click.option("--theme", type=click.Choice(["light", "dark"]), default="light")
@click.option("--title", help="Title for screen readers and files.")
@click.option("-o", "--output", metavar="FILE", help=".svg .pdf .png, or - for SVG")
def plot(
    name: str | None,
    recurrence: str | None,
    names: bool,
    dims: Mapping[str, tuple[int, ...]] | None,
    data: Path | None,
    seed: int | None,
    output: str | None,
    **options: Any,
) -> None:
    """Plot what runs of a recurrence say: gradients by lag, a cliff, time constants, ...

    NAME is the plot's (see --names); each has a RECURRENCE of its own where none is given.
    """
    from unroll.plots.registry import PLOTS, find

    if names:
        width = max(map(len, PLOTS))
        click.echo("\n".join(f"{row.name:{width}}  {row.about}" for row in PLOTS.values()))
        return
    if name is None or output is None:
        what = "a plot's NAME (see --names)" if name is None else "-o FILE"
        raise click.UsageError(f"Missing {what}.")
    row = find(name)
    if recurrence is None:
        dims, seed = {**row.dims, **(dims or {})}, row.seed if seed is None else seed
    picture = load(recurrence or row.recurrence).plot(
        name,
        _arrays(data),
        dims=dims,
        seed=seed or 0,
        **{key: value for key, value in options.items() if value is not None},
    )
    if output == "-":
        write(output, picture.svg())
    else:
        picture.save(output)


@main.command()
@click.argument("directory", default="gallery", type=click.Path(path_type=Path))
def gallery(directory: Path) -> None:
    """Make every figure of the gallery in DIRECTORY."""
    from unroll.gallery import make

    def run(arguments: list[str]) -> object:
        return main.main(arguments, standalone_mode=False)

    for made in make(directory, run):
        click.echo(made, err=True)


def _lengths(
    recurrence: Recurrence, steps: int | None, dims: Mapping[str, tuple[int, ...]] | None
) -> int | dict[str, int] | None:
    """How long axes are: `steps` for each, but for those that the sizes name, as in n_l=3."""
    from unroll.drawing.extents import lengths_of

    named = {n: size[0] for n, size in (dims or {}).items() if n in recurrence.lengths and size}
    return {**lengths_of(recurrence, steps), **named} if named else steps


@main.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Default: any that is free.")
@click.option("--no-browser", is_flag=True, help="Only say the address.")
def serve(port: int, no_browser: bool) -> None:
    """Serve a playground on this machine: type equations, see everything change."""
    from unroll.stepper.server import serve as served

    served(port, not no_browser, lambda text: click.echo(text, err=True))


def load(text: str) -> Recurrence:
    """The recurrence that an argument means. Raises UnrollError where it means none."""
    if text == "-":
        return parse(read_standard_input(), name="standard input")
    if text in templates.names():
        return template(text)
    if os.path.exists(text) or not MATHEMATICS.intersection(text):
        return _from_file(text)
    return parse(text, name="recurrence")


def _from_file(text: str) -> Recurrence:
    path = Path(text)
    if not os.path.exists(text):
        close = nearest(text, templates.names(), 0.6)
        raise UnrollError(
            f"there is no template, file or equation {text!r}",
            remedy=f"Did you mean the template {close!r}?"
            if close
            else 'Write equations as "h_t = tanh(W h_{t-1} + U x_t)"; '
            "`unroll templates` lists the templates.",
        )
    content = read_text(path)
    if path.suffix == ".toml":
        return from_template(templates.read(content, path.stem))
    return parse(content, name=path.name)


def _arrays(path: Path | None) -> dict[str, Any] | None:
    from unroll.files import read_arrays

    return None if path is None else read_arrays(path)


def _run(
    recurrence: Recurrence,
    steps: int | None,
    dims: Mapping[str, tuple[int, ...]] | None,
    data: Path | None,
    seed: int,
    of: str | None = None,
    tree: str | list[int] | None = None,
    lengths: Any = None,
    **options: Any,
) -> Trace:
    arrays, lengths = _with_lengths(recurrence, _arrays(data), lengths)
    return recurrence.run(
        arrays, steps=steps, dims=dims, seed=seed, of=of, tree=tree, lengths=lengths, **options
    )


def _with_lengths(
    recurrence: Recurrence, arrays: dict[str, Any] | None, lengths: Any
) -> tuple[dict[str, Any] | None, Any]:
    """Arrays, and the lengths among them unless others are said or the recurrence uses the name."""
    if arrays is None or "lengths" not in arrays or "lengths" in recurrence.names:
        return arrays, lengths
    found = arrays["lengths"] if lengths is None else lengths
    return {n: a for n, a in arrays.items() if n != "lengths"}, found


if __name__ == "__main__":
    main()
