"""The widget's module as a notebook runs it: several on one page, a model that answers."""

import json

import pytest

import unroll
from unroll.stepper.bundle import module, static

HARNESS = """<!doctype html><meta charset="utf-8"><style>%s</style>
<body><input id="outside"><div id="one"></div><div id="two"></div>
<script type="application/json" id="state">%s</script>
<script type="module">
%s
class Model {
  constructor(values) { this.values = values; this.handlers = {}; this.saved = 0; }
  get(key) { return this.values[key]; }
  set(key, value) { this.values[key] = value; for (const f of this.handlers[key] ?? []) f(); }
  save_changes() { this.saved++; }
  on(name, f) { (this.handlers[name.replace("change:", "")] ??= []).push(f); }
  off(name, f) { const k = name.replace("change:", ""); this.handlers[k] = this.handlers[k].filter((g) => g !== f); }
}
window.models = {};
window.ends = {};
for (const id of ["one", "two"]) {
  const state = JSON.parse(document.getElementById("state").textContent);
  models[id] = new Model({ state, event: id === "two" ? 3 : 0, arrays: structuredClone(state.arrays) });
  ends[id] = $stepper.render({ model: models[id], el: document.getElementById(id) });
}
</script>"""


@pytest.fixture
def notebook(chromium, tmp_path):
    page = unroll.step("rnn", steps=3)
    text = json.dumps(page.state).replace("<", "\\u003c")
    path = tmp_path / "notebook.html"
    script = module().split("export {")[0].split("const { render, start } = $stepper")[0]
    path.write_text(HARNESS % (static("stepper.css"), text, script), encoding="utf-8")
    context = chromium.new_context()
    found = context.new_page()
    wrong = []
    found.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
    found.on("pageerror", lambda e: wrong.append(str(e)))
    found.goto(path.as_uri())
    found.wait_for_function("window.ends.two !== undefined")
    yield found, page
    assert wrong == []
    context.close()


def at(page, which):
    return page.evaluate(
        f"[Number(document.getElementById('{which}').dataset.event), models.{which}.get('event')]"
    )


def test_each_widget_has_its_own_keys_and_place(notebook):
    page, _ = notebook
    assert at(page, "one") == [0, 0]
    assert at(page, "two") == [3, 3]  # begins where the model is
    page.focus("#one")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert at(page, "one") == [2, 2]
    assert at(page, "two") == [3, 3]
    page.focus("#outside")
    page.keyboard.press("ArrowRight")  # not ours
    assert at(page, "one") == [2, 2]
    assert page.evaluate("location.hash") == ""
    assert page.evaluate("window.unroll === undefined")
    for which in ("one", "two"):
        assert page.get_attribute(f"#{which}", "data-lm-suppress-shortcuts") == "true"


def test_the_model_moves_the_page(notebook):
    page, _ = notebook
    page.evaluate("models.one.set('event', 12)")
    assert at(page, "one") == [12, 12]
    assert page.evaluate("models.one.saved") == 0  # nothing is sent back that came from there


def test_what_is_changed_comes_back(notebook):
    page, own = notebook
    field = page.locator('#one input[data-name="W"][data-at="0,1"]')
    field.fill("0.75")
    field.press("Enter")
    arrays = page.evaluate("models.one.get('arrays')")
    assert arrays["W"][0][1] == 0.75
    assert page.evaluate("models.two.get('arrays')")["W"] == own.state["arrays"]["W"]
    own.widget.arrays = arrays
    page.keyboard.press("Escape")
    page.focus("#one")
    page.keyboard.press("End")
    shown = json.loads(page.get_attribute('#one [data-accumulator="W"]', "data-value"))
    for row, want in zip(shown, own.trace.gradient("W")):
        assert row == pytest.approx(list(want), rel=1e-12, abs=1e-14)


def test_arrays_from_python_show(notebook):
    page, own = notebook
    arrays = json.loads(json.dumps(own.state["arrays"]))
    arrays["W"][0][0] = -0.5
    arrays["x"][1][0] = 2.5
    page.evaluate("a => models.one.set('arrays', a)", arrays)
    assert page.get_attribute('#one input[data-name="W"][data-at="0,0"]', "data-value") == "-0.5"
    assert page.get_attribute('#one input[data-name="x[2]"][data-at="0"]', "data-value") == "2.5"
    page.focus("#one")
    page.keyboard.press("End")
    own.widget.arrays = arrays
    shown = json.loads(page.get_attribute('#one [data-accumulator="U"]', "data-value"))
    for row, want in zip(shown, own.trace.gradient("U")):
        assert row == pytest.approx(list(want), rel=1e-12, abs=1e-14)


@pytest.mark.parametrize(
    ("say", "theme"),
    [
        ("document.body.dataset.jpThemeLight = 'false'", "dark"),
        ("document.body.dataset.jpThemeLight = 'true'", "light"),
        ("document.body.dataset.vscodeThemeKind = 'vscode-dark'", "dark"),
        ("document.documentElement.classList.add('dark')", "dark"),
    ],
)
def test_the_notebook_says_whether_it_is_dark(notebook, say, theme):
    page, _ = notebook
    assert page.get_attribute("#one", "data-theme") == "auto"
    page.evaluate(say)
    page.wait_for_function(f"document.getElementById('one').dataset.theme === '{theme}'")


def test_a_widget_that_is_gone_listens_no_more(notebook):
    page, _ = notebook
    page.evaluate("ends.one()")
    page.evaluate("models.one.set('event', 9)")
    assert at(page, "one") == [0, 9]
    assert (
        page.evaluate("models.one.handlers.event.length + models.one.handlers.arrays.length") == 0
    )
