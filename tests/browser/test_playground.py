"""The playground in a real Chromium: typing, mistakes, tabs, downloads, links."""

import json
import threading

import pytest

from unroll.stepper.server import Playground


@pytest.fixture(scope="module")
def server():
    made = Playground(0)
    thread = threading.Thread(
        target=made.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    )
    thread.start()
    yield made
    made.shutdown()
    thread.join(5)
    made.server_close()


@pytest.fixture
def page(chromium, server):
    context = chromium.new_context(viewport={"width": 1400, "height": 900}, accept_downloads=True)
    found = context.new_page()
    wrong, asked = [], []
    found.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
    found.on("pageerror", lambda e: wrong.append(str(e)))
    found.on("request", lambda r: asked.append(r.url))
    found.goto(server.url)
    ready(found)
    yield found
    assert [w for w in wrong if "favicon" not in w] == []
    own = f"http://127.0.0.1:{server.server_port}/"
    assert all(url.startswith((own, "blob:", "data:")) for url in asked)
    context.close()


def ready(page):
    page.wait_for_selector("#playground[data-busy='false']")


def settled(page):
    """After a change: the question has been asked, and answered."""
    page.wait_for_timeout(300)
    ready(page)


def test_it_opens_with_a_picture_and_hides_its_token(page, server):
    assert server.token not in page.url
    assert page.locator("#panel svg").count() == 1
    assert page.locator('#panel [data-name="h"][data-index="3"]').count() == 1


def test_typing_draws_and_mistakes_get_their_caret(page):
    page.fill("#text", "s_t = f(s_<t-1>, x_t; θ)")
    settled(page)
    assert page.locator('#panel [data-name="s"]').count() > 1
    page.fill("#text", "s_t = tanh(W s_{t-1} + ) x_t")
    settled(page)
    said = page.text_content("#message")
    assert "line 1, column" in said
    assert "^" in said
    assert page.get_attribute("#text", "aria-invalid") == "true"
    assert page.locator("#panel svg").count() == 1  # the last good one stays
    page.fill("#text", "s_t = tanh(W s_{t-1} + x_t)")
    settled(page)
    assert page.text_content("#message") == ""
    assert "s[t] = tanh(W @ s[t-1] + x[t])" in page.text_content(".canonical")


def test_text_of_users_is_text(page):
    page.fill("#text", "h_t = <img src=x onerror=alert(1)> + h_{t-1}")
    settled(page)
    assert page.locator("#playground img").count() == 0


def test_templates_steps_and_sizes(page):
    page.select_option("#template", "lstm")
    settled(page)
    assert page.locator('#panel [data-name="c"]').count() > 1
    page.fill("#steps", "2")
    settled(page)
    assert page.locator('#panel [data-name="h"][data-index="3"]').count() == 0
    page.check("#values")
    page.fill("#dims", "h=5,x=2,y=5")
    settled(page)
    value = page.get_attribute('#panel [data-name="h"][data-index="2"]', "data-value")
    assert len(json.loads(value)) == 5
    page.fill("#dims", "h")
    settled(page)
    assert "is not a size" in page.text_content("#message")


def test_notation_and_parameters(page):
    page.select_option("#notation", "subscript")
    page.select_option("#parameters", "copies")
    settled(page)
    assert page.locator('#panel [data-name="W"][data-index="2"]').count() == 1


def test_tabs_by_keyboard(page):
    page.focus("#tab-picture")
    page.keyboard.press("ArrowRight")
    settled(page)
    assert "grad_W = sum(" in page.text_content("#panel")
    page.keyboard.press("ArrowRight")
    settled(page)
    stepper = page.locator("#panel .unroll[data-event]")
    stepper.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert stepper.get_attribute("data-event") == "2"
    field = stepper.locator('input[data-name="W"][data-at="0,0"]')
    field.fill("0.5")
    field.press("Enter")
    assert field.get_attribute("data-value") == "0.5"


def test_numbers_are_those_of_a_run(page):
    page.select_option("#template", "rnn")
    page.fill("#seed", "7")
    page.fill("#steps", "3")
    page.click("#tab-stepping")
    settled(page)
    page.locator("#panel .unroll[data-event]").focus()
    page.keyboard.press("End")
    import unroll

    trace = unroll.template("rnn").run(steps=3, seed=7)
    shown = json.loads(page.get_attribute('[data-accumulator="W"]', "data-value"))
    for row, want in zip(shown, trace.gradient("W")):
        assert row == pytest.approx(list(want), rel=1e-12, abs=1e-14)


def test_a_link_brings_all_of_it_back(page, server):
    page.fill("#text", "h_t = tanh(W h_{t-1} + θ x_t)")
    page.fill("#steps", "4")
    page.select_option("#flow", "forward")
    settled(page)
    link = page.url
    assert "#" in link
    other = page.context.new_page()
    other.goto(link)  # the cookie knows who asks
    ready(other)
    assert other.input_value("#text") == "h_t = tanh(W h_{t-1} + θ x_t)"
    assert other.input_value("#steps") == "4"
    assert other.input_value("#flow") == "forward"
    assert other.locator('#panel [data-name="h"][data-index="4"]').count() == 1
    other.goto(link.split("#")[0] + "#!!nonsense")
    ready(other)
    other.close()


@pytest.mark.parametrize("suffix", [".svg", ".pdf", ".tex", ".page"])
def test_downloads(page, suffix):
    page.select_option("#suffix", suffix)
    with page.expect_download() as waiting:
        page.click("#download")
    found = waiting.value
    assert found.suggested_filename == f"unroll{suffix.replace('.page', '.html')}"
    with open(found.path(), "rb") as file:
        assert len(file.read()) > 200


def test_chinese_and_dark(page):
    page.click("#language")
    settled(page)
    assert page.text_content("#download") == "下载"
    assert page.get_attribute("html", "lang") == "zh-Hans"
    page.select_option("#theme", "dark")
    settled(page)
    assert page.get_attribute("#playground", "data-theme") == "dark"
    assert page.locator("#panel .figure.dark").count() == 1


def test_every_control_has_a_name(page):
    nameless = page.evaluate(
        "[...document.querySelectorAll('#playground button, #playground input, #playground select, #playground textarea')]"
        ".filter(n => !n.getAttribute('aria-label') && !n.textContent.trim() && !n.labels?.length).length"
    )
    assert nameless == 0


def test_a_server_that_has_gone_is_said(chromium):
    server = Playground(0)
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    )
    thread.start()
    context = chromium.new_context()
    page = context.new_page()
    page.goto(server.url)
    ready(page)
    server.shutdown()
    thread.join(5)
    server.server_close()
    page.fill("#text", "h_t = h_{t-1}")
    page.locator("#message", has_text="unroll serve").wait_for()
    context.close()
