"""The page in a real browser, with clicks and keys: what it shows is what the run computed."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import numpy as np
import pytest

from unroll.numeric.trace import Trace
from unroll.stepper.program import arrays

ROOT = "#unroll"
EXACT = 1e-12
TEMPLATES = (
    "rnn",
    "lstm",
    "gru",
    "bidirectional",
    "encoder-decoder",
    "attention",
    "deep-stacked",
    "recursive-tree",
    "teacher-forcing",
    "memory",
    "dynamical-system",
)


@pytest.fixture(params=TEMPLATES)
def run(request, written):
    return written(request.param, steps=3)


@pytest.fixture
def rnn(written):
    return written("rnn", steps=3)


# --- asking the page ----------------------------------------------------------------------------


def event(tab) -> int:
    return int(tab.get_attribute(ROOT, "data-event"))


def events(tab) -> int:
    return int(tab.get_attribute(ROOT, "data-events"))


def phase(tab) -> str:
    return tab.get_attribute(ROOT, "data-phase")


def nodes(tab) -> list[dict[str, Any]]:
    """All nodes, with what the page says of them."""
    return tab.eval_on_selector_all(
        f"{ROOT} .diagram [data-kind=node]", "nodes => nodes.map(n => ({...n.dataset}))"
    )


def accumulators(tab) -> dict[str, Any]:
    found = tab.eval_on_selector_all(
        "[data-accumulator]", "all => all.map(e => [e.dataset.accumulator, e.dataset.value])"
    )
    return {name: json.loads(text) for name, text in found}


def wait(tab, what) -> None:
    """Until something holds: the page's policy forbids what Playwright's own waiting evaluates."""
    for _ in range(100):
        if what():
            return
        tab.wait_for_timeout(50)
    pytest.fail("waited in vain")


def entry(tab, name: str, at: str):
    return tab.locator(f'input[data-name="{name}"][data-at="{at}"]')


def told(tab) -> list[dict[str, Any]]:
    return tab.evaluate("window.unroll.story")


# --- comparing ------------------------------------------------------------------------------------


def same(shown: Any, computed: Any, what: str) -> None:
    shown, computed = np.asarray(shown, float), np.asarray(computed, float)
    assert shown.shape == computed.shape, what
    scale = max(np.abs(computed).max(initial=0.0), 1e-300)
    assert np.abs(shown - computed).max(initial=0.0) <= EXACT * scale, what


def at_point(trace: Trace, name: str, index: str | None) -> Any:
    at = () if index is None else tuple(int(i) for i in index.split(","))
    array = trace.values[name]
    return array[tuple(i - r.first for i, r in zip(at, trace.rows.get(name, ())))]


def agree(tab, trace: Trace) -> None:
    """Every number on the page, at its end, is the trace's."""
    tab.keyboard.press("End")
    assert event(tab) == events(tab)
    seen = nodes(tab)
    assert seen
    for node in seen:
        where = f"{node['name']}[{node.get('index')}]"
        value = at_point(trace, node["name"], node.get("index"))
        same(json.loads(node["value"]), value, where)
        gradient = trace.gradients.get(node["name"])
        if gradient is not None:
            found = at_point(trace, gradient, node.get("index"))
            same(json.loads(node["gradient"]), found, f"gradient of {where}")
        else:
            assert "gradient" not in node
    sums = accumulators(tab)
    wanted = {n for n in trace.parameters if n in trace.gradients}
    assert set(sums) == wanted
    for name in wanted:
        same(sums[name], trace.gradient(name), f"accumulator of {name}")


def changed(trace: Trace, name: str, at: tuple[int, ...], x: float) -> dict[str, Any]:
    found = copy.deepcopy(arrays(trace))
    holder = found[name]
    if not at:
        found[name] = x
        return found
    for place in at[:-1]:
        holder = holder[place]
    holder[at[-1]] = x
    return found


# --- moving ---------------------------------------------------------------------------------------


def test_every_event_is_reached_and_lights_something_up(run, sheet):
    tab = sheet(run)
    assert tab.get_attribute("html", "data-unroll") == "1"
    assert event(tab) == 0
    assert tab.locator("[data-state=active]").count() == 0
    story, count = told(tab), events(tab)
    assert len(story) == count > 0
    for n in range(1, count + 1):
        tab.keyboard.press("ArrowRight")
        root = tab.evaluate(
            "() => ({...document.querySelector('#unroll').dataset, "
            "active: document.querySelectorAll('.diagram [data-state=active]').length})"
        )
        assert int(root["event"]) == n
        assert root["phase"] == story[n - 1]["phase"]
        assert root["active"] > 0, story[n - 1]["sentence"]["en"]
    tab.keyboard.press("ArrowRight")
    assert event(tab) == count
    tab.keyboard.press("ArrowLeft")
    assert event(tab) == count - 1


def test_shift_lands_on_the_first_event_of_each_time_step(run, sheet):
    tab = sheet(run)
    place = [(e["phase"] in ("backward", "accumulate"), e["step"]) for e in told(tab)]
    first = [n + 1 for n in range(len(place)) if n == 0 or place[n] != place[n - 1]]
    forward = []
    while event(tab) < events(tab) and len(forward) <= len(first):
        tab.keyboard.press("Shift+ArrowRight")
        forward.append(event(tab))
    assert forward == [*first, *([events(tab)] if first[-1] != events(tab) else [])]
    back = []
    while event(tab) > 0:
        tab.keyboard.press("Shift+ArrowLeft")
        back.append(event(tab))
    assert back == [*[n for n in reversed(first) if n != forward[-1]], 0][-len(back) :]
    assert len(back) >= len(first)
    steps = run.trace.steps
    assert len({s for is_back, s in place if not is_back and s is not None and s > 0}) >= steps


def test_numbers_on_the_page_are_those_of_the_trace(run, sheet):
    agree(sheet(run), run.trace)


def test_a_number_stands_on_the_page_once_it_is_computed(rnn, sheet):
    tab = sheet(rnn)
    story = told(tab)
    made = next(e["number"] for e in story if e["made"] == "h[2]")
    node = '.diagram [data-kind=node][data-name="h"][data-index="2"]'
    tab.evaluate(f"window.unroll.goto({made - 1})")
    assert tab.get_attribute(node, "data-value") is None
    tab.keyboard.press("ArrowRight")
    assert event(tab) == made
    same(json.loads(tab.get_attribute(node, "data-value")), rnn.trace["h"][1], "h[2]")
    assert tab.get_attribute(node, "data-gradient") is None
    assert tab.get_attribute(node, "data-state") == "active"


def test_keys_for_the_ends_the_passes_and_playing(rnn, sheet):
    tab = sheet(rnn)
    tab.keyboard.press("End")
    assert event(tab) == events(tab)
    tab.keyboard.press("Home")
    assert event(tab) == 0
    tab.keyboard.press("b")
    assert phase(tab) == "backward"
    before = told(tab)[event(tab) - 2]
    assert before["phase"] in ("forward", "loss")
    tab.keyboard.press("f")
    assert event(tab) == 1
    tab.keyboard.press("Space")
    wait(tab, lambda: event(tab) >= 3)
    tab.keyboard.press("Space")
    stopped = event(tab)
    tab.wait_for_timeout(1200)
    assert event(tab) == stopped


def test_buttons_the_scrubber_and_the_number_move_too(rnn, sheet):
    tab = sheet(rnn)
    tab.get_by_role("button", name="Forward one operation").click()
    assert event(tab) == 1
    tab.get_by_role("button", name="Forward one time step").click()
    assert event(tab) > 1
    tab.get_by_role("button", name="End", exact=True).click()
    assert event(tab) == events(tab)
    number = tab.locator("input[type=number]")
    number.fill("7")
    number.press("Enter")
    assert event(tab) == 7
    scrubber = tab.get_by_role("slider", name="Event")
    scrubber.fill("12")
    assert event(tab) == 12
    scrubber.focus()
    tab.keyboard.press("ArrowRight")
    assert event(tab) == 13


# --- changing numbers -------------------------------------------------------------------------------


def first_weight(trace: Trace) -> tuple[str, tuple[int, ...]]:
    """A parameter with a gradient, or any array, and a place in it."""
    given = arrays(trace)
    name = next((n for n in trace.parameters if n in trace.gradients and n in given), None)
    name = name or next(iter(given))
    shape = np.shape(given[name])
    return name, tuple(n - 1 for n in shape)


def test_an_edited_weight_gives_the_numbers_of_a_fresh_run(run, sheet):
    tab = sheet(run)
    name, at = first_weight(run.trace)
    now = run.trace.steps
    tab.keyboard.press("Shift+ArrowRight")
    tab.keyboard.press("ArrowRight")
    here = event(tab)
    box = entry(tab, name, ",".join(map(str, at)))
    box.fill("0.625")
    box.press("Enter")
    assert event(tab) == here
    assert float(box.get_attribute("data-value")) == 0.625
    given = changed(run.trace, name, at, 0.625)
    assert tab.evaluate("window.unroll.arrays()") == given
    box.blur()
    fresh = run.recurrence.run(given, steps={"tau": now} if "dynamical" in run.name else None)
    assert fresh.steps == now
    agree(tab, fresh)
    tab.get_by_role("button", name="Reset").click()
    agree(tab, run.trace)


def test_arrow_keys_in_an_entry_change_it_and_do_not_step(rnn, sheet):
    tab = sheet(rnn, "#event=5")
    box = entry(tab, "W", "0,1")
    old = float(box.get_attribute("data-value"))
    box.focus()
    tab.keyboard.press("ArrowUp")
    tab.keyboard.press("ArrowUp")
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Shift+ArrowUp")
    assert event(tab) == 5
    new = float(box.get_attribute("data-value"))
    assert new == pytest.approx(old + 1.1, abs=1e-9)
    box.blur()
    agree(tab, rnn.recurrence.run(changed(rnn.trace, "W", (0, 1), new)))


def test_dragging_an_entry_changes_it(rnn, sheet):
    tab = sheet(rnn)
    box = entry(tab, "W", "1,1")
    old = float(box.get_attribute("data-value"))
    box.scroll_into_view_if_needed()
    place = box.bounding_box()
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(x + 20, y, steps=4)
    tab.mouse.move(x + 50, y, steps=4)
    tab.mouse.up()
    new = float(box.get_attribute("data-value"))
    assert new == pytest.approx(old + 0.5, abs=0.02)
    agree(tab, rnn.recurrence.run(changed(rnn.trace, "W", (1, 1), new)))


@pytest.mark.parametrize(("name", "at"), [("x[2]", (1, 0)), ("y[3]", (2, 1))])
def test_inputs_and_targets_are_edited_at_their_steps(rnn, sheet, name, at):
    tab = sheet(rnn)
    box = entry(tab, name, str(at[1]))
    box.fill("0.75")
    box.press("Enter")
    box.blur()
    fresh = changed(rnn.trace, name[0], at, 0.75)
    assert tab.evaluate("window.unroll.arrays()") == fresh
    if name[0] == "x":
        agree(tab, rnn.recurrence.run(fresh))


def test_what_is_no_number_is_said_and_changes_nothing(rnn, sheet):
    tab = sheet(rnn)
    box = entry(tab, "W", "0,0")
    box.fill("zero")
    box.press("Enter")
    assert box.get_attribute("aria-invalid") == "true"
    assert tab.evaluate("window.unroll.arrays()") == arrays(rnn.trace)
    box.fill("−0.5")  # as it is printed, with a true minus
    box.press("Enter")
    assert box.get_attribute("aria-invalid") is None
    assert float(box.get_attribute("data-value")) == -0.5


def test_the_slider_scales_to_a_spectral_radius(rnn, sheet):
    tab = sheet(rnn)
    slider = tab.get_by_role("slider", name="Spectral radius W")
    slider.fill("1.5")
    slider.blur()
    W = np.array(tab.evaluate("window.unroll.arrays()")["W"])
    assert np.abs(np.linalg.eigvals(W)).max() == pytest.approx(1.5, rel=1e-9)
    own = np.array(arrays(rnn.trace)["W"])
    same(W / W[0, 0], own / own[0, 0], "the direction of W")
    fresh = {**arrays(rnn.trace), "W": W.tolist()}
    agree(tab, rnn.recurrence.run(fresh))


def test_copied_python_gives_the_same_loss(run, sheet):
    tab = sheet(run)
    name, at = first_weight(run.trace)
    box = entry(tab, name, ",".join(map(str, at)))
    box.fill("-0.375")
    box.press("Enter")
    copy_button = tab.locator("button.copy")
    copy_button.click()
    wait(tab, lambda: copy_button.get_attribute("data-python"))
    text = copy_button.get_attribute("data-python")
    assert text == tab.evaluate("window.unroll.python()")
    names: dict[str, Any] = {}
    exec(text, names)
    assert names["trace"].steps == run.trace.steps
    fresh = run.recurrence.run(changed(run.trace, name, at, -0.375))
    if run.trace.loss is not None:
        assert names["trace"].loss == pytest.approx(fresh.loss, rel=EXACT)
    agree(tab, names["trace"])


# --- the place in the address -------------------------------------------------------------------------


def test_the_address_holds_event_edits_pins_language_and_theme(rnn, sheet):
    tab = sheet(rnn)
    box = entry(tab, "U", "2,3")
    box.fill("0.0625")
    box.press("Enter")
    box.blur()
    tab.evaluate("window.unroll.goto(20)")
    tab.locator('[data-kind=node][data-name="h"][data-index="2"]').click()
    tab.get_by_role("button", name="Follow").click()
    tab.locator("button.language").click()
    tab.get_by_role("button", name="明暗").click()
    wait(tab, lambda: "theme=dark" in tab.evaluate("location.hash"))
    place = tab.evaluate("location.hash")
    again = sheet(rnn, place)
    assert event(again) == 20
    assert float(entry(again, "U", "2,3").get_attribute("data-value")) == 0.0625
    assert again.locator("[data-pin='h[2]']").count() == 1
    assert again.locator(".pins [aria-pressed=true]").count() == 1
    assert again.get_attribute(ROOT, "lang") == "zh-Hans"
    assert again.get_attribute(ROOT, "data-theme") == "dark"
    wait(again, lambda: again.evaluate("location.hash") == place)
    agree(again, rnn.recurrence.run(changed(rnn.trace, "U", (2, 3), 0.0625)))
    again.evaluate("location.hash = '#event=3'")
    wait(again, lambda: event(again) == 3)
    assert again.locator("[data-pin]").count() == 0
    agree(again, rnn.trace)


@pytest.mark.parametrize(
    "place", ["#event=-4", "#event=zzz", "#set=W@9,9=1;Q@=2;W@0=1;W@0,0=x", "#pin=nobody", "#%"]
)
def test_an_address_with_nonsense_is_a_page_all_the_same(rnn, sheet, place):
    tab = sheet(rnn, place)
    assert event(tab) == 0
    agree(tab, rnn.trace)


# --- pins ---------------------------------------------------------------------------------------------


def test_clicking_a_node_pins_it_and_following_visits_what_touches_it(rnn, sheet):
    tab = sheet(rnn)
    node = '[data-kind=node][data-name="h"][data-index="1"]'
    tab.locator(node).click()
    assert tab.locator("[data-pin='h[1]']").count() == 1
    tab.get_by_role("button", name="Follow").click()
    visited = []
    while True:
        before = event(tab)
        tab.keyboard.press("ArrowRight")
        if event(tab) == before:
            break
        visited.append(event(tab))
        assert tab.get_attribute(node, "data-state") == "active"
    assert visited == [e["number"] for e in told(tab) if "h[1]" in e["nodes"]]
    assert len(visited) > 4
    tab.locator(node).click()
    assert tab.locator("[data-pin]").count() == 0


def test_hovering_tells_how_a_node_and_an_edge_come_about(rnn, sheet):
    tab = sheet(rnn, "#event=2")
    said = tab.locator(".equation .sentence")
    before = said.text_content()
    tab.locator('[data-kind=node][data-name="o"][data-index="2"]').hover()
    assert "o at step 2" in said.text_content()
    tab.mouse.move(5, 5)
    assert said.text_content() == before
    edge = '[data-kind=edge][data-source="h[1]"][data-target="h[2]"][data-flow=forward]'
    tab.locator(edge).dispatch_event("mouseover")
    assert "h at step 1" in said.text_content()


# --- how it looks ---------------------------------------------------------------------------------------


def test_print_lists_every_event(rnn, sheet):
    tab = sheet(rnn, "#event=4")
    tab.emulate_media(media="print")
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    lines = tab.locator(".printed > li")
    assert lines.count() == events(tab)
    assert lines.first.is_visible()
    sentences = [e["sentence"]["en"] for e in told(tab)]
    assert [t.strip() for t in tab.locator(".printed > li > p").all_text_contents()] == sentences
    assert not tab.locator(".controls").is_visible()
    assert len(re.findall(rb"/Type\s*/Page\b", tab.pdf())) > 2


def test_dark_and_light(rnn, sheet):
    def colours(tab):
        return tab.evaluate(
            "() => [getComputedStyle(document.querySelector('#unroll')).backgroundColor, "
            "getComputedStyle(document.querySelector('.diagram [data-kind=node] > circle')).stroke, "
            "getComputedStyle(document.querySelector('.diagram [data-of=value] rect')).fill]"
        )

    light = colours(sheet(rnn, "#event=30"))
    dark = colours(sheet(rnn, "#event=30", color_scheme="dark"))
    assert light[0] == "rgb(255, 255, 255)"
    assert dark[0] == "rgb(13, 17, 23)"
    assert all(a != b for a, b in zip(light, dark))
    tab = sheet(rnn, "#event=30", color_scheme="dark")
    tab.get_by_role("button", name="Light or dark").click()
    assert colours(tab) == light


def test_reduced_motion_has_no_transitions(rnn, sheet):
    def lasting(tab):
        return tab.evaluate(
            "() => [...document.querySelectorAll('*')].filter(e => "
            "getComputedStyle(e).transitionDuration.split(',').some(d => parseFloat(d) > 0)).length"
        )

    assert lasting(sheet(rnn, reduced_motion="reduce")) == 0
    assert lasting(sheet(rnn, reduced_motion="no-preference")) > 0


@pytest.mark.parametrize("size", [(390, 844), (1400, 900), (1920, 1080)])
def test_the_page_itself_never_scrolls_sideways(run, sheet, size):
    tab = sheet(run, viewport={"width": size[0], "height": size[1]})
    for n in (0, events(tab) // 2, events(tab)):
        tab.evaluate(f"window.unroll.goto({n})")
        wide = tab.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide[0] <= wide[1]


# --- care -------------------------------------------------------------------------------------------------


def test_the_policy_is_strict(rnn, sheet):
    tab = sheet(rnn, expected="Executing inline script")
    policy = tab.get_attribute("meta[http-equiv=Content-Security-Policy]", "content")
    assert policy.startswith("default-src 'none'; ")
    for word in ("unsafe", "http", "*", "'self'", "eval"):
        assert word not in policy
    refused = tab.evaluate(
        """() => new Promise(done => {
            document.addEventListener('securitypolicyviolation', e => done(e.violatedDirective));
            const script = document.createElement('script');
            script.textContent = 'globalThis.intruded = 1';
            document.body.append(script);
            setTimeout(() => done(null), 500);
        })"""
    )
    assert refused
    assert tab.evaluate("globalThis.intruded") is None


def test_everything_that_can_be_used_has_a_name(run, sheet):
    tab = sheet(run, "#event=9")
    tab.locator("[data-kind=node]").first.click()
    nameless = tab.evaluate(
        """() => [...document.querySelectorAll('button, input, select, [role=button], [tabindex]')]
            .filter(e => e.checkVisibility())
            .filter(e => !(e.getAttribute('aria-label') || e.labels?.[0]?.textContent || e.textContent).trim())
            .map(e => e.outerHTML.slice(0, 200))"""
    )
    assert nameless == []
    tree = tab.locator(ROOT).aria_snapshot()
    for line in tree.splitlines():
        assert not re.fullmatch(r"\s*- (button|textbox|slider|combobox|spinbutton):?", line), line


def test_the_live_region_speaks_each_event(rnn, sheet):
    tab = sheet(rnn)
    live = tab.locator("[aria-live=polite]")
    for one in told(tab)[:6]:
        tab.keyboard.press("ArrowRight")
        assert one["sentence"]["en"] in live.text_content()


def test_text_of_users_is_text(written, sheet):
    text = "h[t] = tanh(W @ h[t-1] + x[t])  # </script><img src=q onerror=alert(1)>"
    tab = sheet(written(text, steps=2))
    assert events(tab) > 0
    assert tab.locator("img").count() == 0


def test_numbers_that_are_not_finite_are_said(written, sheet):
    page = written("h[t] = exp(w * h[t-1] + x[t])\nJ = h[tau]", steps=4)
    tab = sheet(page)
    notice = tab.locator(".notice")
    assert notice.text_content() == ""
    box = entry(tab, "w", "")
    box.fill("900")
    box.press("Enter")
    box.blur()
    assert "no longer finite" in notice.text_content()
    notice.get_by_role("button").click()
    wrong = told(tab)[event(tab) - 1]
    assert wrong["name"] == "h"
    found = [json.loads(n["value"]) for n in nodes(tab) if n["name"] == "h" and "value" in n]
    assert None in found  # JSON's word for it, as in the figures
    tab.get_by_role("button", name="Reset").click()
    assert notice.text_content() == ""


def test_tab_leads_into_the_diagram_and_up_and_down_through_it(rnn, sheet):
    tab = sheet(rnn, "#event=12")
    assert tab.locator(".diagram [tabindex='0']").count() == 1
    tab.locator(".diagram [tabindex='0']").focus()
    first = tab.evaluate("document.activeElement.getAttribute('aria-label')")
    tab.keyboard.press("ArrowDown")
    second = tab.evaluate("document.activeElement.getAttribute('aria-label')")
    assert first != second
    assert event(tab) == 12
    tab.keyboard.press("ArrowRight")
    assert event(tab) == 13
    tab.keyboard.press("Enter")
    assert tab.locator("[data-pin]").count() == 1


def test_an_edge_can_be_clicked_beside_its_thin_line(rnn, sheet):
    tab = sheet(rnn)
    edge = tab.locator("[data-kind=edge][data-source='x[2]'][data-target='h[2]'] > path.hit").first
    box = edge.bounding_box()
    tab.mouse.click(box["x"] + box["width"] / 2 + 4, box["y"] + box["height"] / 2)
    assert tab.locator("[data-pin='h[2]']").count() == 1


# --- size -------------------------------------------------------------------------------------------------


def test_a_page_grows_with_its_steps_and_stays_small(written):
    sizes = [written("rnn", steps=steps, dims={"h": 16}).path.stat().st_size for steps in (50, 100)]
    assert sizes[1] < 1_000_000
    assert sizes[1] < 2 * sizes[0]


def test_a_thousand_steps_are_stepped_through_at_once(written, sheet):
    text = "h[t] = tanh(W @ h[t-1] + U @ x[t])\nL[t] = squared_error(h[t], y[t])"
    tab = sheet(written(text, steps=1000, dims={"h": 2, "x": 2}))
    assert tab.locator(".diagram [data-kind=node]").count() < 400  # of 3001
    times = tab.evaluate(
        """async () => {
            const count = Number(document.querySelector('#unroll').dataset.events), times = [];
            for (const start of [5, count >> 1, count - 60]) {
                for (let i = 0; i < 50; i++) {
                    const before = performance.now();
                    window.unroll.goto(start + i);
                    document.body.getBoundingClientRect();
                    times.push(performance.now() - before);
                    await new Promise(requestAnimationFrame);
                }
            }
            return times;
        }"""
    )
    assert sorted(times)[len(times) // 2] < 16
    for n in (1, events(tab) // 3, events(tab)):  # what is touched is in sight, wherever it is
        tab.evaluate(f"window.unroll.goto({n})")
        assert tab.locator(".diagram [data-state=active]").count() > 0
