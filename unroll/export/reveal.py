"""reveal.js: the figure inline in a section whose fragments play the sweep.

The section goes into a deck as it is. The page around it steps through by itself, without
reveal.js and without a network.
"""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

from unroll.drawing.scene import Scene
from unroll.drawing.sweeping import played, sweep
from unroll.export.svg import escape, write_svg

_SCRIPT = """
if (!window.Reveal) {
  const parts = [...document.querySelectorAll('.fragment')];
  const notes = [...document.querySelectorAll('aside.notes li')];
  const last = Math.max(-1, ...parts.map(p => +p.dataset.fragmentIndex));
  let at = -1;
  const show = n => {
    at = Math.min(last, Math.max(-1, n));
    for (const p of parts) p.style.opacity = +p.dataset.fragmentIndex <= at ? 1 : 0.12;
    notes.forEach((li, i) => { li.hidden = i !== at; });
  };
  addEventListener('keydown', e => {
    if (e.key === 'ArrowRight' || e.key === ' ') show(at + 1);
    else if (e.key === 'ArrowLeft') show(at - 1);
    else if (e.key === 'Home') show(-1);
    else if (e.key === 'End') show(last);
  });
  addEventListener('click', () => show(at + 1));
  show(-1);
}
"""
_STYLE = (
    "body{margin:1em;font-family:serif}svg{max-width:100%;height:auto}ol{list-style:none;padding:0}"
)


def write_reveal(scene: Scene, theme: str = "light") -> str:
    """A page whose `<section>` holds the figure, a fragment a moment, and the sentences as notes.

    Nothing is loaded, and a content security policy lets nothing else run.
    """
    moments = sweep(scene)
    svg = write_svg(played(scene, moments), theme)
    body = re.sub(
        r'data-moment="(\d+)"',
        lambda m: f'class="fragment" data-fragment-index="{int(m[1]) - 1}" data-moment="{m[1]}"',
        svg,
    )
    silent = "".join(  # what changes nothing that is seen is a step of its own, too
        f'<span class="fragment" data-fragment-index="{k}"></span>'
        for k, moment in enumerate(moments)
        if not moment.active
    )
    notes = "".join(f"<li>{escape(moment.sentence)}</li>" for moment in moments)
    policy = (  # fragments are shown by their own style
        f"default-src 'none'; style-src 'unsafe-inline'; script-src '{_hash(_SCRIPT)}'"
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f"<title>{escape(scene.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<section>\n{body}{silent}<aside class="notes"><ol>{notes}</ol></aside>\n</section>\n'
        f"<script>{_SCRIPT}</script>\n</body>\n</html>\n"
    )


def _hash(text: str) -> str:
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()
