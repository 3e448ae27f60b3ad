"""PowerPoint: a slide a moment, the picture as vectors with a raster image for older programs.

A picture's SVG goes into the extension of its image (svgBlip, [MS-ODRAWXML] 2.3.1.7).
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from datetime import datetime
from io import BytesIO
from typing import Any

from PIL import Image

from unroll.drawing.scene import Scene
from unroll.drawing.sweeping import Moment
from unroll.drawing.theme import palette
from unroll.errors import UnrollError
from unroll.export.frames import each_frame
from unroll.export.raster import PIXELS
from unroll.export.staging import Stage, gathered, stage, staged, still

_MOST = 60  # moments; of more, those of a step and phase share a slide
_WIDTH, _HEIGHT, _EDGE = 12192000, 6858000, 457200  # a slide 16:9 and its margin, EMU
_TITLE, _PX, _POINT = 850000, 9525, 12700  # the height of a title, a px and a point, EMU
_WIDEST = 2000.0  # of the raster image, pixels
_SVG = "http://schemas.microsoft.com/office/drawing/2016/SVG/main"
_VECTORS = "{96DAC541-7B7A-43D3-8B79-37D633B846F1}"
_DATE = datetime(2000, 1, 1)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # not in XML
_PASSES = {"forward": "Forward", "loss": "Loss", "backward": "Backward", "accumulate": "Parameters"}


def write_slides(scene: Scene, theme: str = "light") -> bytes:
    """The sweep as slides: before it, a slide a moment with its sentence as title, the whole picture.

    Beyond sixty moments those of a step share a slide. Notes hold the sentences, pictures have
    alternative texts. Needs python-pptx (extra `slides`). Raises UnrollError where that is not
    installed, and for what `stage` refuses.
    """
    try:
        from pptx import Presentation
    except ImportError:
        raise UnrollError(
            "slides need python-pptx, which is not installed",
            remedy="Install it: pip install 'unroll-graph[slides]'",
        ) from None
    theme = "light" if theme == "auto" else theme
    ready = stage(scene)
    short = len(ready.moments) <= _MOST
    if not short:
        ready = staged(scene, gathered(ready.moments))
    deck: Any = Presentation()
    deck.slide_width, deck.slide_height = _WIDTH, _HEIGHT
    core = deck.core_properties
    core.title = _clean(scene.title)[:255]
    core.author, core.last_modified_by = "unroll", "unroll"
    core.created = core.modified = _DATE
    pixels = min(PIXELS, _WIDEST / scene.bounds.width)
    images = each_frame(ready, theme, pixels)
    for k, (image, (title, notes)) in enumerate(zip(images, _texts(ready, short))):
        slide = _slide(deck, title, notes, theme)
        png = BytesIO()
        Image.fromarray(image).save(png, "PNG")
        _add_picture(slide, scene, png, still(ready, theme, k).encode(), notes)
    out = BytesIO()
    deck.save(out)
    return _timeless(out.getvalue())


def _texts(ready: Stage, short: bool) -> Iterator[tuple[str, str]]:
    """Title and notes of each slide."""
    whole = _clean(ready.scene.title), _clean(ready.scene.description)
    yield whole
    for moment in ready.moments:
        yield moment.sentence if short else _heading(moment), moment.sentence
    yield whole


def _heading(moment: Moment) -> str:
    step = "" if moment.step is None else f", step {moment.step.split(',')[0]}"
    return f"{_PASSES[moment.phase]}{step}"


def _clean(text: str) -> str:
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def _slide(deck: Any, title: str, notes: str, theme: str) -> Any:
    """A slide with a title on one or two lines, and notes."""
    from pptx.dml.color import RGBColor
    from pptx.enum.text import MSO_ANCHOR, PP_ALIGN

    rgb: Any = RGBColor  # the library leaves it without types
    colors = palette(theme)
    slide = deck.slides.add_slide(deck.slide_layouts[5])  # a title, and nothing else
    if (ground := colors.color("background")) != "none":
        slide.background.fill.solid()
        slide.background.fill.fore_color.rgb = rgb(*bytes.fromhex(ground[1:]))
    shape = slide.shapes.title
    shape.left, shape.top = _EDGE, _EDGE // 2
    shape.width, shape.height = _WIDTH - 2 * _EDGE, _TITLE
    frame = shape.text_frame
    frame.text = title
    frame.word_wrap, frame.vertical_anchor = True, MSO_ANCHOR.MIDDLE
    for paragraph in frame.paragraphs:
        paragraph.alignment = PP_ALIGN.LEFT
        paragraph.font.size = (28 if len(title) <= 60 else 22) * _POINT
        paragraph.font.color.rgb = rgb(*bytes.fromhex(colors.color("ink")[1:]))
    slide.notes_slide.notes_text_frame.text = notes
    return slide


def _add_picture(slide: Any, scene: Scene, png: BytesIO, svg: bytes, text: str) -> None:
    """The picture below the title, as large as there is room, in the middle; text: for who hears it."""
    box, top = scene.bounds, _EDGE // 2 + _TITLE
    room = (_WIDTH - 2 * _EDGE) / box.width, (_HEIGHT - top - _EDGE) / box.height
    scale = min(*room, 2.0 * _PX)
    width, height = round(box.width * scale), round(box.height * scale)
    left = (_WIDTH - width) // 2
    down = top + (_HEIGHT - _EDGE - top - height) // 2
    picture = slide.shapes.add_picture(png, left, down, width, height)
    about = picture._element.nvPicPr.cNvPr
    about.set("name", "Figure")
    about.set("descr", text)
    _embed(slide, picture, svg)


def _embed(slide: Any, picture: Any, svg: bytes) -> None:
    """The same picture as vectors, in the extension of the image."""
    from lxml import etree
    from pptx.opc.constants import RELATIONSHIP_TYPE
    from pptx.opc.package import Part
    from pptx.oxml.ns import qn

    package = slide.part.package
    name = package.next_partname("/ppt/media/figure%d.svg")
    part = Part(name, "image/svg+xml", package, svg)
    relation = slide.part.relate_to(part, RELATIONSHIP_TYPE.IMAGE)
    blip = picture._element.blipFill.find(qn("a:blip"))
    held = etree.SubElement(etree.SubElement(blip, qn("a:extLst")), qn("a:ext"))
    held.set("uri", _VECTORS)
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
