"""The widget in a real JupyterLab: keys that reach it, values that come back. Where it is installed."""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

pytest.importorskip("jupyterlab", reason="JupyterLab is not installed")
pytest.importorskip("ipykernel", reason="there is no kernel")

CELLS = [
    "import unroll\nw = unroll.step('rnn', steps=3)\nw",
    "print('EVENT', w.event, 'LOSS', repr(w.trace.loss))",
]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    cells = [
        {
            "cell_type": "code",
            "id": f"c{i}",
            "metadata": {},
            "outputs": [],
            "execution_count": None,
            "source": text,
        }
        for i, text in enumerate(CELLS)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {
        "cells": cells,
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (folder / "a.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    port, token = free_port(), secrets.token_hex(16)
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"),
        *(f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}"),
        "--ServerApp.ip=127.0.0.1",
    ]
    own = {**os.environ, "JUPYTER_CONFIG_DIR": str(folder / ".c"), "IPYTHONDIR": str(folder / ".i"),
           "JUPYTER_DATA_DIR": str(folder / ".d"), "JUPYTER_RUNTIME_DIR": str(folder / ".r")}  # fmt: skip
    server = subprocess.Popen(
        command, env=own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api?token={token}", timeout=2)
                break
            except (urllib.error.URLError, OSError):
                assert server.poll() is None, "JupyterLab ended"
                time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/lab/tree/a.ipynb?token={token}&reset", folder / "a.ipynb"
    finally:
        server.terminate()
        server.wait(20)


def said(page):
    """What the second cell has printed."""
    page.wait_for_function(
        "[...document.querySelectorAll('.jp-OutputArea-output')].some(n => n.textContent.includes('LOSS'))"
    )
    text = page.evaluate(
        "[...document.querySelectorAll('.jp-OutputArea-output')].map(n => n.textContent).find(t => t.includes('LOSS'))"
    )
    words = text.split()
    return int(words[1]), float(words[3].removeprefix("np.float64(").removesuffix(")"))


def run_cell(page, number):
    cell = page.locator(".jp-CodeCell").nth(number)
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+Enter")


def test_the_widget_lives_in_jupyterlab(chromium, lab, tmp_path):
    url, path = lab
    context = chromium.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(90_000)
    page.goto(url)
    page.wait_for_selector(".jp-CodeCell .cm-content")
    run_cell(page, 0)
    stepper = page.locator(".unroll[data-event]")
    stepper.first.wait_for()
    assert stepper.count() == 1
    assert stepper.get_attribute("data-event") == "0"

    # arrows belong to the widget, and no cell is selected by them
    stepper.focus()
    active = "[...document.querySelectorAll('.jp-Cell')].findIndex(n => n.classList.contains('jp-mod-active'))"
    before = page.evaluate(active)
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    assert stepper.get_attribute("data-event") == "2"
    assert page.evaluate(active) == before
    page.keyboard.press("Shift+ArrowRight")
    moved = int(stepper.get_attribute("data-event"))
    assert moved > 2
    page.keyboard.press("b")  # the way back: and no cell is added below, as the key does elsewhere
    assert page.locator(".jp-CodeCell").count() == len(CELLS)
    assert stepper.get_attribute("data-phase") == "backward"

    # an edit comes back as numbers
    field = stepper.locator('input[data-name="W"][data-at="0,1"]')
    field.fill("0.75")
    field.press("Enter")
    event = int(stepper.get_attribute("data-event"))
    run_cell(page, 1)
    import unroll

    shown, loss = said(page)
    assert shown == event
    own = unroll.template("rnn").step(steps=3)
    arrays = json.loads(json.dumps(own.state["arrays"]))
    arrays["W"][0][1] = 0.75
    assert loss == pytest.approx(unroll.template("rnn").run(arrays).loss, rel=1e-14)

    # light and dark
    assert stepper.get_attribute("data-theme") == "light"
    page.screenshot(path=tmp_path / "light.png")
    page.evaluate("document.body.dataset.jpThemeLight = 'false'")
    page.wait_for_function("document.querySelector('.unroll[data-event]').dataset.theme === 'dark'")
    page.screenshot(path=tmp_path / "dark.png")

    # what is left in the file for those who have no kernel
    page.locator(".jp-CodeCell").nth(1).locator(".cm-content").click()
    page.keyboard.press("Control+s")
    for _ in range(60):
        outputs = json.loads(path.read_text(encoding="utf-8"))["cells"][0]["outputs"]
        if outputs:
            break
        time.sleep(0.5)
    (output,) = outputs
    assert "image/svg+xml" in output["data"]
    assert "application/vnd.jupyter.widget-view+json" in output["data"]
    context.close()
