"""reveal.js: the figure inline in a section whose fragments play the sweep.

The section goes into a deck as it is: it brings its own style, and needs nothing else. The page
around it steps through by itself, without reveal.js and without a network.
"""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

from unroll.drawing.scene import Scene
from unroll.drawing.theme import palette
from unroll.export.staging import EMPHASIS, FAINT, Stage, stage, still
from unroll.export.svg import escape

_SCRIPT = """
if (!window.Reveal) {
  const parts = [...document.querySelectorAll('.fragment')];
  const last = Math.max(...parts.map(part => +part.dataset.fragmentIndex));
  let at = -1;
  const show = n => {
    at = Math.min(last, Math.max(-1, n));
    for (const part of parts) {
      const index = +part.dataset.fragmentIndex;
      part.classList.toggle('visible', index <= at);
      part.classList.toggle('current-fragment', index === at);
    }
  };
  const keys = {
    ArrowRight: () => at + 1, ArrowDown: () => at + 1, PageDown: () => at + 1, ' ': () => at + 1,
    ArrowLeft: () => at - 1, ArrowUp: () => at - 1, PageUp: () => at - 1,
    Home: () => -1, End: () => last,
  };
  addEventListener('keydown', event => {
    if (!(event.key in keys) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    show(keys[event.key]());
  });
  addEventListener('click', () => show(at + 1));
  show(-1);
}
"""


def write_reveal(scene: Scene, theme: str = "light") -> str:
    """A page whose `<section>` holds the figure, a fragment a moment, and the sentences as notes.

    What is pending is faint, what is active has wider lines; the last fragment shows the whole
    picture as it is. Nothing is loaded, and a content security policy (by hashes) lets nothing else
    be styled or run. Raises UnrollError for what `stage` refuses.
    """
    ready = stage(scene)
    figure = _figure(ready, theme)
    name = re.search(r'<svg[^>]* id="([^"]+)"', figure)
    assert name is not None
    section = (
        f'<section data-unroll="{name[1]}">\n<style>{_style(name[1])}</style>\n'
        f'<div id="{name[1]}-told" aria-live="polite">{_told(ready)}</div>\n{figure}'
        f'<aside class="notes"><p>{escape(scene.title)}</p><ol>{_listed(ready)}</ol></aside>\n'
        "</section>\n"
    )
    page = _page_style(theme)
    styles = [page, *re.findall(r"<style>(.*?)</style>", section, re.DOTALL)]
    policy = (
        f"default-src 'none'; style-src {' '.join(map(_hash, styles))}; "
        f"script-src {_hash(_SCRIPT)}; base-uri 'none'; form-action 'none'"
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(scene.title)}</title>\n<style>{page}</style>\n</head>\n<body>\n"
        "<!-- this section goes into a deck -->\n"
        f"{section}<!-- up to here -->\n<script>{_SCRIPT}</script>\n</body>\n</html>\n"
    )


def _figure(ready: Stage, theme: str) -> str:
    """The figure with everything that plays as a fragment; fragments count from 0."""
    return re.sub(
        r'(?<= )data-moment="(\d+)"',
        lambda m: (
            f'data-moment="{m[1]}" class="fragment custom" data-fragment-index="{int(m[1]) - 1}"'
        ),
        still(ready, theme).replace('opacity="0" aria-hidden', "aria-hidden"),
    )


def _told(ready: Stage) -> str:
    """The sentence of each moment, seen while it is active, and where a speaker reads it.

    They stand before the figure, so that a deck finds the notes of a fragment here first.
    """
    sentences = [*(m.sentence for m in ready.moments), ready.scene.title]
    return "".join(
        f'<p class="fragment custom" data-fragment-index="{k}" data-notes="{escape(sentence)}">'
        f"{escape(sentence)}</p>"
        for k, sentence in enumerate(sentences)
    )


def _listed(ready: Stage) -> str:
    return "".join(f"<li>{escape(m.sentence)}</li>" for m in ready.moments)


def _style(name: str) -> str:
    """Style of the figure and its sentences, whatever the deck around them looks like."""
    emphasis = f'#{name} .fragment[data-kind="{EMPHASIS}"]'
    return (
        f"#{name}{{max-width:100%;max-height:78vh;height:auto}}"
        f"#{name} .fragment{{opacity:{FAINT};visibility:inherit;transition:opacity .2s}}"
        f"#{name} .fragment.visible{{opacity:1}}"
        f"{emphasis},{emphasis}.visible{{opacity:0}}{emphasis}.current-fragment{{opacity:1}}"
        f"#{name}-told{{display:grid;min-height:2.6em;font-size:22px;line-height:1.3}}"
        f"#{name}-told p{{grid-area:1/1;margin:0;opacity:0;visibility:hidden}}"
        f"#{name}-told p.current-fragment{{opacity:1;visibility:inherit}}"
        "@media print{"
        f"#{name} .fragment:not([data-kind={EMPHASIS}]){{opacity:1}}#{name}-told{{display:none}}}}"
    )


def _page_style(theme: str) -> str:
    """Style of the page, where there is no deck."""
    colors = palette("light" if theme == "auto" else theme)
    ground, ink = colors.color("background"), colors.color("ink")
    dark = palette("dark")
    page = "body{margin:1.5em auto;padding:0 1em;max-width:1600px;text-align:center;"
    page += "font-family:Georgia,'Times New Roman',serif;"
    page += f"background:{ground};color:{ink}}}aside.notes{{display:none}}"
    if theme == "auto":
        page += (
            "@media (prefers-color-scheme:dark){body{"
            f"background:{dark.color('background')};color:{dark.color('ink')}}}}}"
        )
    return page


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
