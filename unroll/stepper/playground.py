"""What the playground answers: from a question, as JSON says it, to an answer; no file is ever read.

A recurrence comes as text and is parsed, or as the name of a template; what it may ask for is listed here,
and how large a run may be.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

from unroll import templates
from unroll.errors import UnrollError
from unroll.interface import Recurrence, parse, template
from unroll.symbolic.shapes import read_sizes

LONGEST = 20_000  # characters of a text
MOST_STEPS, MOST_EQUATIONS, WIDEST = 2_000, 200, 512
MOST_WORK, MOST_BYTES = 3e8, 5e8  # floating-point operations and bytes of a run
MOST_TOLD = 1_500  # equations times steps that are told one by one

_DRAWN = ("view", "level", "flow", "notation", "theme", "language", "parameters", "derivatives")
_STEPPED = ("notation", "language", "theme")
Question = Mapping[str, Any]


def answer(question: Question) -> dict[str, Any]:
    """The answer to a question: what was asked for, or what is wrong and where.

    ask: check, picture, derive, step, file or templates. Never raises.
    """
    try:
        ask = _ANSWERS.get(str(question.get("ask")))
        if ask is None:
            raise UnrollError(f"there is nothing to ask for as {question.get('ask')!r}")
        return ask(question)
    except UnrollError as error:
        at = error.span
        place = {"line": at.line, "column": at.column} if at is not None else {}
        return {"error": {"message": error.message, "text": str(error), **place}}
    except RecursionError:
        return _refusal("this is nested too deeply", "Give parts of it names of their own.")
    except MemoryError:
        return _refusal("this needs too much memory", "Take fewer steps, or smaller dims.")


def _refusal(message: str, remedy: str) -> dict[str, Any]:
    return {"error": {"message": message, "text": f"{message}\n{remedy}"}}


def _recurrence(question: Question) -> Recurrence:
    name, text = question.get("template"), question.get("text")
    if name is not None:
        if name not in templates.names():
            raise UnrollError(f"there is no template {name!r}")
        return template(name)
    if not isinstance(text, str) or not text.strip():
        raise UnrollError(
            "there are no equations", remedy="Write one: h_t = tanh(W h_{t-1} + U x_t)"
        )
    if len(text) > LONGEST:
        raise UnrollError(f"the text has {len(text)} characters, of at most {LONGEST}")
    found = parse(text, name="equations")
    if len(found.equations) > MOST_EQUATIONS:
        raise UnrollError(
            f"there are {len(found.equations)} equations, of at most {MOST_EQUATIONS}"
        )
    return found


def _sized(question: Question) -> dict[str, Any]:
    """steps, dims and seed, as `run` takes them, within what may be asked for."""
    said: dict[str, Any] = {}
    steps, seed = question.get("steps"), question.get("seed")
    if steps is not None:
        said["steps"] = _whole("steps", steps, 1, MOST_STEPS)
    if seed is not None:
        said["seed"] = _whole("seed", seed, 0, 2**31)
    if question.get("dims"):
        said["dims"] = read_sizes(str(question["dims"]))
        widest = max((n for shape in said["dims"].values() for n in shape), default=0)
        if widest > WIDEST:
            raise UnrollError(
                f"dims of {widest} are too large here", remedy=f"Take at most {WIDEST}."
            )
    return said


def _whole(name: str, value: Any, least: int, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise UnrollError(
            f"{name} is {value!r}", remedy=f"Take a whole number from {least} to {most}."
        )
    return value


def _affordable(found: Recurrence, sized: Mapping[str, Any]) -> None:
    """Raises UnrollError for a run that is too large to make here, before it is made."""
    cost = found.cost(steps=sized.get("steps", 5), dims=sized.get("dims"))
    if cost.total.work > MOST_WORK or cost.memory.peak > MOST_BYTES:
        raise UnrollError(
            f"this run takes {cost.total.work:.1e} floating-point operations and {cost.memory.peak:.1e} bytes, "
            f"more than the playground makes ({MOST_WORK:.0e}, {MOST_BYTES:.0e})",
            remedy="Take fewer steps or smaller dims, or run it by `unroll run`.",
        )


def _trace(found: Recurrence, question: Question) -> Any:
    sized = _sized(question)
    runnable = found.runnable()
    own = found.template is not None and bool(found.template.arrays)
    if "steps" not in sized and not own:
        sized["steps"] = 5
    _affordable(runnable, sized)
    return runnable.run(**sized)


def _check(question: Question) -> dict[str, Any]:
    found = _recurrence(question)
    roles = {name: found.role(name) for name in found.names}
    return {"canonical": str(found), "latex": found.latex(), "roles": roles}


def _figure(question: Question) -> Any:
    found = _recurrence(question)
    said: dict[str, Any] = {n: str(question[n]) for n in _DRAWN if question.get(n)}
    sized = _sized(question)
    if question.get("values"):
        said["values"] = _trace(found, question)
    elif "steps" in sized:
        said["steps"] = sized["steps"]
    if "dims" in sized:
        said["dims"] = sized["dims"]
    return found.draw(**said)


def _picture(question: Question) -> dict[str, Any]:
    return {"svg": _figure(question).svg()}


def _derive(question: Question) -> dict[str, Any]:
    found, sized = _recurrence(question), _sized(question)
    return {"text": str(found.derive(dims=sized.get("dims")))}


def _step(question: Question) -> dict[str, Any]:
    return {"state": dict(_page(question).state)}


def _page(question: Question) -> Any:
    found = _recurrence(question)
    steps, count = _sized(question).get("steps", 5), len(found.equations)
    if steps * count > MOST_TOLD:
        raise UnrollError(
            f"{steps} steps of {count} equations are too many to tell here",
            remedy="Take fewer steps, or make the page by `unroll step`.",
        )
    said: dict[str, Any] = {n: str(question[n]) for n in _STEPPED if question.get(n)}
    return found.step(_trace(found, question), **said)


def _file(question: Question) -> dict[str, Any]:
    """A figure in the format of a suffix, `.page` for the page that steps, as base64."""
    suffix = str(question.get("suffix"))
    if suffix == ".page":
        data: str | bytes = _page(question).html()
        suffix = ".html"
    else:
        from unroll.export.formats import check_suffix

        check_suffix(suffix, f"figure{suffix}")
        data = _figure(question).render(suffix)
    raw = data.encode() if isinstance(data, str) else data
    name = PurePath(f"unroll{suffix}").name
    return {"name": name, "base64": base64.b64encode(raw).decode()}


def _templates(question: Question) -> dict[str, Any]:
    listed = [templates.load(name) for name in templates.names()]
    return {"templates": [{"name": t.name, "title": t.title, "text": t.equations} for t in listed]}


_ANSWERS: Mapping[str, Callable[[Question], dict[str, Any]]] = {
    "check": _check,
    "picture": _picture,
    "derive": _derive,
    "step": _step,
    "file": _file,
    "templates": _templates,
}
