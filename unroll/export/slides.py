"""PowerPoint: a slide a moment, the picture as vectors with a raster image for older programs.

A picture's SVG goes into the extension of its image (svgBlip, [MS-ODRAWXML] 2.3.1.7).
"""

from __future__ import annotations

import zipfile
from datetime import datetime
from io import BytesIO
from typing import Any

from unroll.drawing.scene import Scene
from unroll.drawing.sweeping import sweep
from unroll.errors import UnrollError
from unroll.export.frames import each_frame
from unroll.export.raster import write_raster
from unroll.export.svg import write_svg

_MOST = 60  # slides; of more moments the last one of each step and phase is shown
_WIDTH, _HEIGHT, _EDGE = 12192000, 6858000, 457200  # a slide 16:9 and its margin, EMU
_TOP, _PX = 1100000, 9525  # below the title; EMU a px
_SVG = "http://schemas.microsoft.com/office/drawing/2016/SVG/main"
_DATE = datetime(2000, 1, 1)


def write_slides(scene: Scene, theme: str = "light") -> bytes:
    """The sweep as slides with notes and alternative texts. Needs python-pptx (extra `slides`).

    Raises UnrollError where that is not installed.
    """
    try:
        from pptx import Presentation
    except ImportError:
        raise UnrollError(
            "slides need python-pptx, which is not installed",
            remedy="Install it: pip install 'unroll-graph[slides]'",
        ) from None
    deck: Any = Presentation()
    deck.slide_width, deck.slide_height = _WIDTH, _HEIGHT
    core = deck.core_properties
    core.title, core.author, core.last_modified_by = scene.title, "unroll", "unroll"
    core.created = core.modified = _DATE
    moments = sweep(scene)
    sentences = [scene.description, *(m.sentence for m in moments), scene.description]
    shown = list(each_frame(scene))
    for number, k in enumerate(_chosen(scene, len(shown))):
        _add_slide(deck, shown[k], sentences[k], theme, number)
    out = BytesIO()
    deck.save(out)
    return _timeless(out.getvalue())


def _chosen(scene: Scene, count: int) -> list[int]:
    """Which frames are shown: all, or the last of every step and phase, the first and the last."""
    if count <= _MOST:
        return list(range(count))
    keys = [(m.phase, m.step) for m in sweep(scene)]
    ends = [k + 1 for k, key in enumerate(keys) if k + 1 == len(keys) or keys[k + 1] != key]
    return [0, *ends, count - 1]


def _add_slide(deck: Any, frame: Scene, sentence: str, theme: str, number: int) -> None:
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = frame.title
    slide.shapes.title.top, slide.shapes.title.height = 150000, 850000
    slide.shapes.title.left, slide.shapes.title.width = _EDGE, _WIDTH - 2 * _EDGE
    for run in slide.shapes.title.text_frame.paragraphs[0].runs:
        run.font.size = 28 * 12700
    box = frame.bounds
    room = (_WIDTH - 2 * _EDGE) / box.width, (_HEIGHT - _TOP - _EDGE) / box.height
    scale = min(*room, 1.6 * _PX)
    width, height = round(box.width * scale), round(box.height * scale)
    image = BytesIO(write_raster(frame, "png", theme))
    left = (_WIDTH - width) // 2
    picture = slide.shapes.add_picture(image, left, _TOP, width, height)
    picture._element.nvPicPr.cNvPr.set("descr", sentence)
    _embed(slide, picture, write_svg(frame, theme).encode(), number)
    slide.notes_slide.notes_text_frame.text = sentence


def _embed(slide: Any, picture: Any, svg: bytes, number: int) -> None:
    """The same picture as vectors, in the extension of the image."""
    from lxml import etree
    from pptx.opc.constants import RELATIONSHIP_TYPE
    from pptx.opc.package import Part
    from pptx.opc.packuri import PackURI
    from pptx.oxml.ns import qn

    name = PackURI(f"/ppt/media/figure{number + 1}.svg")
    part = Part(name, "image/svg+xml", slide.part.package, svg)
    relation = slide.part.relate_to(part, RELATIONSHIP_TYPE.IMAGE)
    blip = picture._element.blipFill.find(qn("a:blip"))
    held = etree.SubElement(etree.SubElement(blip, qn("a:extLst")), qn("a:ext"))
    held.set("uri", "{96DAC541-7B7A-43D3-8B79-37D633B846F1}")
    vectors = etree.SubElement(held, f"{{{_SVG}}}svgBlip", nsmap={"asvg": _SVG})
    vectors.set(qn("r:embed"), relation)


def _timeless(data: bytes) -> bytes:
    """The same archive without the time at which it was written."""
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for info in old.infolist():
            kept = zipfile.ZipInfo(info.filename, (1980, 1, 1, 0, 0, 0))
            kept.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(kept, old.read(info.filename))
    return out.getvalue()
