"""The story: every event in order, true to the numbers and to the picture, in plain sentences."""

import json
import re
import subprocess
import sys
from collections import defaultdict
from functools import cache

import numpy as np
import pytest
from agreement import close, with_given_values
from javascript import NODE, modules, needs_node
from oracle import Oracle

import unroll
from unroll.drawing.settings import read as settings
from unroll.errors import UnrollError
from unroll.language.parser import parse
from unroll.language.printer import format_equation, format_recurrence
from unroll.stepper import telling
from unroll.stepper.formulas import at_path
from unroll.stepper.picture import Place
from unroll.stepper.program import program_of
from unroll.stepper.sentences import LANGUAGES
from unroll.stepper.story import index_of
from unroll.stepper.tasks import Walk
from unroll.stepper.telling import tell
from unroll.symbolic.transformations import hide

RUNNABLE = [n for n in unroll.templates.names() if not unroll.template(n).runnable().functions]
CELL = "h[t] = tanh(W @ h[t-1] + U @ x[t])\n"
TEXTS = {
    "given": CELL + "h[0] = given\nJ = sum(sum(h[t]), t)",
    "learned": CELL + "h[0] = h0\nL = squared_error(h[tau], y)",
    "computed": "h[t] = tanh(W @ h[t-1])\nh[0] = tanh(F @ C)\nJ = sum(sum(h[t]), t)",
    "far": "h[t] = tanh(W @ h[t-1] + V @ h[t-3])\nh[0] = h0\nJ = sum(sum(h[t]), t)",
    "leads": "g[t] = tanh(W @ g[t+1] + U @ x[t])\nJ = sum(sum(g[t]), t)",
    "ranges": "h[t] = tanh(W @ h[t-1]) for t = 2..tau\nh[1] = a\nJ = sum(sum(h[t]), t)",
    "prefixes": "h[t] = tanh(sum(W @ h[s] + x[s], s < t) + x[t])\nJ = sum(sum(h[t]), t)",
    "letters": "h[t] = h[t-1] / t + tau * x[t]\nJ = sum(sum(h[t]), t)",
    "penalty": CELL + "J = sum(sum(h[t]), t) + 0.1 * sum(W * W)",
    "minus": CELL + "o[t] = V @ h[t]\nJ = -sum(sum(o[t] * o[t]), t)",
    "one loss a step": CELL + "L[t] = squared_error(h[t], y[t])",
    "visible softmax": CELL + "o[t] = V @ h[t]\nyhat[t] = softmax(o[t])\n"
    "L[t] = cross_entropy(yhat[t], y[t])\nJ = sum(L[t], t)",
    "forward only": CELL,
    "averaged": CELL + "m = mean(h[t], t)\nL = squared_error(m, y)",
    "layers": "h[l, t] = tanh(W[l] @ h[l, t-1] + U[l] @ h[l-1, t])\nh[0, t] = x[t]\n"
    "L[t] = squared_error(h[n_l, t], y[t])\nJ = sum(L[t], t)",
    "grid": "h[i, j] = tanh(W @ h[i-1, j] + V @ h[i, j-1] + U @ x[i, j])\n"
    "J = sum(sum(sum(h[i, j]), j), i)",
    "children": "h[n] = tanh(sum(W @ h[k], k in children(n)) + V @ x[n])\nJ = sum(sum(h[n]), n)",
}  # fmt: skip
DIMS = {"x": 2, "h": 2, "g": 2, "C": 3, "a": 2, "y": 2, "o": 2, "n_l": 2}
ALL = [*RUNNABLE, *TEXTS]


@cache
def run(name, steps=None):
    if name in TEXTS:
        recurrence = unroll.parse(TEXTS[name])
        known = {*recurrence.names, *recurrence.lengths}
        dims = {n: d for n, d in DIMS.items() if n in known}
        return recurrence, recurrence.run(steps=steps or 4, dims=dims, seed=1)
    recurrence = unroll.template(name)
    return recurrence, recurrence.run(steps=steps)


def hidden(recurrence):
    if recurrence.template is None:
        return []
    said = settings(recurrence.template.figure, recurrence.template.name).hide
    return [n for n in said if n in recurrence.defined]


@cache
def told(name, steps=None):
    recurrence, trace = run(name, steps)
    return tell(Walk(trace), hide(recurrence, hidden(recurrence)))


@cache
def events(name):
    story = told(name)
    return [story.instance(n) for n in range(1, len(story) + 1)]


@cache
def picture(name):
    """Nodes of the unfolded picture by name, and its arrows as (source, target, flow)."""
    recurrence, trace = run(name)
    flow = "both" if trace.gradients else "forward"
    options = {} if trace.forward.axes[0].leaves else {"elide": "none"}
    drawn = recurrence.draw(
        view="unfolded", flow=flow, values=trace, hide=hidden(recurrence), **options
    )
    nodes, edges = set(), set()
    for group in drawn.scene.groups():
        if group.kind in ("node", "ghost"):
            index = group.fact("index")
            nodes.add(group.fact("name") + (f"[{index}]" if index is not None else ""))
        elif group.kind == "edge":
            own = (group.fact("source"), group.fact("target"), group.fact("flow") or "forward")
            edges.add(own)
    return nodes, edges


@cache
def oracles(name):
    """The slow interpreter on the run, and on its gradient equations."""
    trace = run(name)[1]
    given = [n for n in trace.values if "[" in n]
    found = []
    for recurrence in (trace.forward, trace.recurrence):
        names = [n for n in recurrence.names if n not in recurrence.defined]
        arrays = {n: trace[n] for n in names} | {n: trace.values[n] for n in given}
        trees = {length: tree.children for length, tree in trace.sizes.trees}
        whole = with_given_values(recurrence, given)
        found.append(Oracle(whole, arrays, dict(trace.sizes.lengths), trace.shapes, trees))
        found[-1].everything()
    return found


def value(name, event, path):
    """What a part of an event's equation is, by the oracle."""
    oracle = oracles(name)[1]
    equation = told(name).walk.whole.equations[event.kind.equation]
    part = at_path(equation.expression, path)
    for key in oracle.needs(part, event.letters):
        oracle.node(*key)
    return oracle.eval(part, event.letters).value


def about(event):
    name, _, rest = event.about.partition("[")
    return name, tuple(int(n) for n in rest[:-1].split(",")) if rest else ()


# --- the picture ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_every_node_and_arrow_of_the_picture_is_touched(name):
    nodes, edges = picture(name)
    found = events(name)
    assert nodes - {n for e in found for n in e.nodes} == set()
    assert edges - {edge for e in found for edge in e.edges} == set()


@pytest.mark.parametrize("name", ALL)
def test_every_event_touches_something(name):
    nodes, edges = picture(name)
    for event in events(name):
        assert nodes & {*event.nodes} or edges & {*event.edges}, event.text


@pytest.mark.parametrize("name", ["rnn", "lstm", "bidirectional", "recursive-tree", "memory"])
def test_events_of_a_value_touch_its_node_and_all_that_it_reads(name):
    edges = picture(name)[1]
    into = defaultdict(set)
    for source, target, flow in edges:
        if flow == "forward":
            into[target].add((source, target, flow))
    seen = {e.about: e for e in events(name) if e.kind.phase in ("forward", "loss")}
    checked = 0
    for node, event in seen.items():
        if node in picture(name)[0]:
            assert node in event.nodes
            assert {e for e in event.edges if e in edges} == into[node], node
            checked += 1
    assert checked > 10


# --- the order ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_what_an_event_reads_is_known_before(name):
    walk = told(name).walk
    computed = {(walk.whole.equations[t.equation].name, t.at) for t in walk.points()}
    known, parts, reads = set(), set(), 0
    for event in events(name):
        kind, here = event.kind, event.letters
        equation = walk.whole.equations[kind.equation]
        for read in kind.formula.reads:
            if not isinstance(read, Place):
                assert (kind.equation, tuple(here.values()), read) in parts
        part = at_path(equation.expression, kind.formula.path)
        if part != equation.expression or kind.does not in ("sum", "end"):
            needed = set(walk.reads(part, here)) & computed
            reads += len(needed)
            assert needed <= known, (event.text, needed - known)
        parts.add((kind.equation, tuple(here.values()), kind.path))
        at = tuple(walk.whole.position(i, walk.sizes, here) for i in equation.target.indices)
        if not kind.path or kind.does == "accumulate":
            known.add((equation.name, at))
    assert reads > 3
    assert known == computed


@pytest.mark.parametrize("name", ALL)
def test_first_forward_then_losses_then_back(name):
    phases = [e.kind.phase for e in events(name)]
    back = [p in ("backward", "accumulate") for p in phases]
    assert back == sorted(back)
    assert ("backward" in phases) == bool(run(name)[1].gradients)
    objective = run(name)[1].objective
    if objective is not None:
        loss = [e for e in events(name) if about(e)[0] == objective and e.kind.phase != "backward"]
        assert {e.kind.phase for e in loss} == {"loss"}


def test_forward_goes_from_left_to_right_and_back_again():
    steps = [(e.kind.phase, e.letters["t"]) for e in events("rnn") if "t" in e.letters]
    forward = [t for phase, t in steps if phase in ("forward", "loss")]
    backward = [t for phase, t in steps if phase in ("backward", "accumulate") and phase != "loss"]
    assert forward == sorted(forward)
    seeds = sum(e.kind.does == "seed" for e in events("rnn")) - 1
    assert backward[seeds:] == sorted(backward[seeds:], reverse=True)


# --- the numbers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_contributions_and_accumulations_add_up_to_the_gradients(name):
    """By the interpreter, whose own gradients come from a tape and not from our equations."""
    trace = run(name)[1]
    if not trace.gradients:
        pytest.skip("there are no gradients")
    expected = oracles(name)[0].gradients(trace.objective)
    total, counted = {}, 0
    for event in events(name):
        if event.kind.does in ("contribution", "seed", "accumulate"):
            key = about(event)
            found = value(name, event, event.kind.formula.path)
            total[key] = total.get(key, 0) + np.broadcast_to(found, trace.shapes[key[0]])
            counted += 1
    for key, found in total.items():
        name_, _ = key
        if name_ == trace.objective or not np.size(expected.get(key, ())):
            continue
        close(found, expected[key], str(key), 1e-10)
    assert counted > 5
    for parameter in trace.parameters:
        if not trace.recurrence.axes_of(parameter):
            close(total[parameter, ()], trace.gradient(parameter), parameter, 1e-10)
    told_sums = [e for e in events(name) if e.kind.does == "sum"]
    for event in told_sums:
        key = about(event)
        found = value(name, event, ())
        close(
            np.broadcast_to(found, trace.shapes[key[0]]), total.get(key, found * 0), str(key), 1e-10
        )


@pytest.mark.parametrize("name", ["rnn", "lstm", "clockwork"])
def test_a_sum_has_as_many_contributions_as_it_says(name):
    count, words = defaultdict(int), ("Two", "Three", "Four", "Five")
    sums = 0
    for event in events(name):
        if event.kind.does == "contribution" and event.kind.path:
            count[event.about] += 1
        if event.kind.does == "sum" and "add up" in event.sentence["en"]:
            assert event.sentence["en"].startswith(words[count[event.about] - 2])
            sums += 1
    assert sums > 3


def test_nothing_is_told_that_comes_from_behind_the_last_step():
    said = "\n".join(e.sentence["en"] for e in events("rnn"))
    assert "step 6" not in said
    at_the_end = [e.text for e in events("rnn") if e.about == "h[5]" and e.kind.phase == "backward"]
    assert at_the_end == ["grad_h[5] = V.T @ grad_o[5]"]


# --- what is written ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_texts_are_lines_of_the_canonical_text(name):
    whole = told(name).walk.whole
    lines = {re.sub(" for .*", "", line) for line in format_recurrence(whole).splitlines()}
    lines = {line.replace("root", whole.axes[0].length) for line in lines}
    counted = 0
    for kind in told(name).kinds:
        if kind.formula.path == () and kind.formula.whole:
            assert kind.formula.text in lines
            counted += 1
    assert counted > 0


@pytest.mark.parametrize("name", ["rnn", "bidirectional", "elman", "leaky", "per-position", "ema"])
def test_texts_with_numbers_read_back(name):
    for text, whole in {(e.text, e.kind.formula.whole) for e in events(name)}:
        equation = parse(text if whole else f"zz = {text}").equations[0]
        assert ", t)" in text or "t" not in re.findall(r"\w+", format_equation(equation))


@pytest.mark.parametrize("name", ALL)
def test_formulas_have_places_for_all_that_they_read(name):
    story = told(name)
    for kind in story.kinds:
        places = [int(n) for n in re.findall('data-read="([^"]*)"', kind.formula.numbers)]
        assert sorted(set(places)) == list(range(len(kind.formula.reads)))
        letters = story.walk.whole.letters
        for text in re.findall('data-i="([^"]*)"', kind.formula.math + kind.formula.numbers):
            assert index_of(text).base in {*kind.letters, *letters}
        for text in re.findall(r"\{([^{}]*)\}", "".join(kind.sentence.values())):
            assert index_of(text).base in {*kind.letters, *story.walk.whole.lengths}


@pytest.mark.parametrize("name", ALL)
def test_sentences_are_whole(name):
    for event in events(name):
        assert tuple(event.sentence) == LANGUAGES
        for text in event.sentence.values():
            assert not re.search(r"[{}]|  |None|\(\)|Index", text), text
        assert event.sentence["en"].endswith(".")
        assert event.sentence["zh"].endswith("。")
        assert len(event.sentence["en"]) < 300
        assert not re.search("[\u4e00-\u9fff] [\u4e00-\u9fff]", event.sentence["zh"])
        owner = about(event)[0]
        assert re.search(rf"(?<!\w){owner}(?!\w)", event.sentence["en"]), (owner, event.sentence)


def test_sentences_to_the_letter():
    said = {e.text: e.sentence for e in events("rnn")}
    assert said["h[3] = tanh(a[3])"] == {
        "en": "h at step 3 is tanh of a at step 3.",
        "zh": "第 3 步的 h 等于第 3 步的 a 的 tanh。",
    }
    assert said["V.T @ grad_o[3]"] == {
        "en": "The gradient that reached o at step 3 comes back to h at step 3 through V.",
        "zh": "到达第 3 步的 o 的梯度经由 V 传回第 3 步的 h。",
    }
    assert said["grad_h[2] = W.T @ grad_a[3] + V.T @ grad_o[2]"] == {
        "en": "Two contributions meet at h at step 2: they add up.",
        "zh": "2 项贡献在第 2 步的 h 汇合：它们相加。",
    }
    assert said["outer(grad_a[3], h[2])"]["en"] == "Step 3 adds its part to the gradient of W."
    assert said["W @ h[2]"]["en"] == "On the way to a at step 3: W times h at step 2."
    adam = {e.text: e.sentence["en"] for e in events("adam")}
    assert adam["beta_1 * m[1]"] == "On the way to m at step 2: beta_1 times m at step 1."
    assert "(1 - beta_1) times g at step 2" in adam["(1 - beta_1) * g[2]"]
    tree = {e.text: e.sentence["en"] for e in events("recursive-tree")}
    assert tree["h[1] = V @ x[1]"] == "h at node 1 is V times x at node 1."


def test_names_of_users_are_data():
    recurrence = unroll.parse("prob[t] = tanh(W @ prob[t-1])\nJ = sum(sum(prob[t]), t)")
    story = tell(Walk(recurrence.run(steps=2, dims={"prob": 2})), recurrence)
    assert "prob at step 2" in story.instance(4).sentence["en"]


# --- its size -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["rnn", "lstm", "bidirectional", "clockwork", "encoder-decoder"])
def test_events_grow_with_the_steps_and_kinds_do_not(name):
    stories = [told(name, steps) for steps in (8, 12, 16)]
    counts = [len(s) for s in stories]
    assert counts[2] - counts[1] == counts[1] - counts[0] > 0
    kinds = [json.dumps(s.json()["kinds"]) for s in stories]
    assert kinds[0] == kinds[1] == kinds[2]
    sizes = [len(json.dumps(s.json()["events"], separators=(",", ":"))) for s in stories]
    assert sizes[2] < 12 * counts[2]


def test_a_long_story_is_small():
    story = tell(Walk(unroll.template("rnn").run(steps=100)), unroll.template("rnn"))
    assert len(json.dumps(story.json(), separators=(",", ":"))) < 60_000


def test_stories_are_the_same_whatever_the_hash_seed():
    code = (
        "import hashlib, json, unroll\n"
        "from unroll.stepper.tasks import Walk\nfrom unroll.stepper.telling import tell\n"
        "for name in ('attention', 'recursive-tree', 'clockwork'):\n"
        "    r = unroll.template(name)\n"
        "    text = json.dumps(tell(Walk(r.run()), r).json())\n"
        "    print(hashlib.sha256(text.encode()).hexdigest())\n"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PATH": ""},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


# --- what cannot be told --------------------------------------------------------------------------


def test_a_batch_is_refused():
    recurrence = unroll.parse(TEXTS["forward only"])
    trace = recurrence.run({"x": np.ones((3, 2, 2)), "W": np.eye(2), "U": np.eye(2)})
    with pytest.raises(UnrollError, match="batch"):
        tell(Walk(trace), recurrence)


def test_too_long_a_story_is_refused(monkeypatch):
    monkeypatch.setattr(telling, "LONGEST", 20)
    recurrence, trace = run("rnn")
    with pytest.raises(UnrollError, match=r"more than 20 events.*\n.*fewer steps"):
        tell(Walk(trace), recurrence)


def test_functions_without_a_definition_are_refused_by_name():
    recurrence = unroll.parse("s[t] = f(s[t-1], x[t])")
    with pytest.raises(UnrollError, match=r"(?s)f.*bind"):
        recurrence.run(steps=3, dims={"s": 2, "x": 2})


# --- the page tells the same ----------------------------------------------------------------------


@needs_node
def test_the_page_tells_the_same_story(tmp_path):
    names = ALL
    lines = []
    for name in names:
        story = told(name)
        task = {"program": program_of(story.walk), "story": story.json(), "time": ["t"]}
        lines.append(json.dumps(task))
    done = subprocess.run(
        ["node", NODE / "story.mjs", modules(tmp_path)],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for name, line in zip(names, done.stdout.splitlines(), strict=True):
        nodes, edges = picture(name)
        for here, there in zip(events(name), json.loads(line), strict=True):
            assert there["sentence"] == here.sentence
            assert there["node"] == here.about
            assert there["letters"] == here.letters
            assert nodes & {*there["nodes"]} == nodes & {*here.nodes}
            arrows = {(e["source"], e["target"], e["flow"]) for e in there["edges"]}
            assert edges & arrows == edges & {*here.edges}


@pytest.mark.parametrize("name", ["attention", "encoder-decoder"])
def test_the_encoder_is_told_before_the_decoder_and_after_it_on_the_way_back(name):
    from unroll.stepper.tasks import Walk, in_order

    trace = unroll.template(name).runnable().run(steps=3)
    walk = Walk(trace)
    order = [walk.whole.equations[task.equation].name for task in in_order(walk)]
    decoder = "s" if name == "attention" else "g"
    last = len(order) - 1 - order[::-1].index("h")
    assert last < order.index(decoder)
    back = len(order) - 1 - order[::-1].index(trace.gradients[decoder])
    assert back < order.index(trace.gradients["h"])
