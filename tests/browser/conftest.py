"""A real Chromium, and pages opened in it: nothing may be asked for, nothing may go wrong."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import unroll
from unroll.numeric.trace import Trace

CHROMIUM = next(
    (p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None
)
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-background-networking "
    "--disable-component-update --disable-sync"
)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The system's browser, never one that is downloaded.

    Playwright's own interface rather than the fixtures of its plugin for pytest, whose base_url warns.
    """
    if CHROMIUM is None:
        if os.environ.get("CI_BROWSER") == "1":
            pytest.fail("there is no Chromium, and CI_BROWSER=1 asks for one")
        pytest.skip("Chromium is not installed")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield browser
        browser.close()


@dataclass(frozen=True)
class Written:
    """A page in a file, and the run that it shows."""

    name: str
    path: Path
    recurrence: unroll.Recurrence
    trace: Trace

    @property
    def url(self) -> str:
        return self.path.as_uri()


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Written]:
    """Makes a page of a template or of equations, once for the same question."""
    kept: dict[str, Written] = {}
    folder = tmp_path_factory.mktemp("pages")

    def make(text: str, page: dict[str, Any] | None = None, **options: Any) -> Written:
        key = repr((text, page, sorted(options.items())))
        if key not in kept:
            known = "[" not in text
            recurrence = unroll.template(text) if known else unroll.parse(text)
            runnable = recurrence.runnable()
            trace = runnable.run(**options)
            path = folder / f"{len(kept)}.html"
            runnable.step(trace, **(page or {})).save(path)
            kept[key] = Written(text, path, runnable, trace)
        return kept[key]

    return make


@dataclass
class Watched:
    """What a page asks for and complains about."""

    requests: list[str]
    complaints: list[str]


@pytest.fixture
def sheet(chromium: Any) -> Iterator[Callable[..., Any]]:
    """Opens pages; at the end nothing but they themselves has been asked for, and all went well."""
    watched = Watched([], [])
    own: set[str] = set()
    contexts: list[Any] = []

    def opened(page: Written, place: str = "", expected: str = "", **options: Any) -> Any:
        def hear(message: Any) -> None:
            if message.type in ("error", "warning") and not (expected and expected in message.text):
                watched.complaints.append(message.text)

        size = {"width": 1400, "height": 900}
        context = chromium.new_context(**{"viewport": size, **options})
        contexts.append(context)
        tab = context.new_page()
        tab.on("request", lambda r: watched.requests.append(r.url.split("#")[0]))
        tab.on("pageerror", lambda e: watched.complaints.append(f"{e}\n{e.stack}"))
        tab.on("console", hear)
        own.add(page.url)
        tab.goto(page.url + place)
        return tab

    yield opened
    for context in contexts:
        context.close()
    assert watched.complaints == []
    assert set(watched.requests) <= own
