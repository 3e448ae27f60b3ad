"""TikZ: a file that compiles by itself, and that a paper or a presentation takes with \\input.

The same file serves both: before a class is loaded it loads one, afterwards it is the picture alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from unroll.drawing.scene import Scene
from unroll.drawing.theme import palette
from unroll.errors import UnrollError
from unroll.export.tex import POINTS, comment, foreign, is_eastern
from unroll.export.tikzpicture import Picture

LARGEST = 14_400.0  # of a PDF page, big points; TeX itself measures up to 16 300
PACKAGES = r"""\usepackage{amsmath,amssymb,tikz}
\usetikzlibrary{arrows.meta}"""


def write_tikz(scene: Scene, theme: str = "light") -> str:
    """The scene as a LaTeX document of one picture, for pdfLaTeX, XeLaTeX and LuaLaTeX.

    Labels are formulas, set in the fonts of the document around them; nodes have names (`h-2`); the
    styles and colours stand in one block. Raises UnrollError for a scene that no page can hold.
    """
    check_size(scene, ".tex")
    picture = "\n".join(Picture(scene, palette(theme)).lines())
    return "\n".join(_document(scene, picture)) + "\n"


def _document(scene: Scene, picture: str) -> Iterator[str]:
    yield comment(scene.title)
    yield comment(scene.description)
    yield "%"
    yield "% Compile this file, or put the picture into a document: \\input this file there, after"
    yield "%   \\usepackage{amsmath,amssymb,tikz} \\usetikzlibrary{arrows.meta}"
    yield "% and change its looks, of all such pictures at once, with"
    yield "%   \\tikzset{every unroll picture/.style={unroll node/.append style={fill=yellow!20}}}"
    yield r"\expandafter\ifx\csname @classoptionslist\endcsname\relax % no class is loaded yet"
    yield r"\RequirePackage{fix-cm}"
    yield r"\documentclass[tikz,border=0bp]{standalone}"
    yield PACKAGES
    yield from letters(picture)
    yield r"\def\unrollend{\end{document}}"
    yield r"\begin{document}"
    yield r"\else\def\unrollend{}\fi"
    if is_eastern(picture):
        yield r"\providecommand\unrollcjk[1]{#1}"
    yield picture + "%"
    yield r"\unrollend"


def letters(document: str) -> Iterator[str]:
    """What a preamble says about letters that LaTeX does not know of itself, if there are any."""
    if is_eastern(document):
        yield r"\ifdefined\pdfoutput\ifdefined\directlua\else"
        yield r"\usepackage{CJKutf8}"
        yield r"\newcommand\unrollcjk[1]{\begin{CJK}{UTF8}{gbsn}#1\end{CJK}}"
        yield r"\fi\fi"
        yield r"\ifdefined\unrollcjk\else"
        yield r"\usepackage{fontspec}"
        yield r"\IfFontExistsTF{Noto Serif CJK SC}{\newfontfamily\unrollfont{Noto Serif CJK SC}}"
        yield r"  {\newfontfamily\unrollfont{FandolSong-Regular.otf}}"
        yield r"\newcommand\unrollcjk[1]{{\unrollfont #1}}"
        yield r"\fi"
    if unknown := foreign(document):
        yield r"\ifdefined\DeclareUnicodeCharacter"
        for character in unknown:
            code = f"{ord(character):04X}"
            yield (
                rf"\ifcsname u8:\detokenize{{{character}}}\endcsname\else"
                rf"\DeclareUnicodeCharacter{{{code}}}{{\texttt{{U+{code}}}}}\fi"
            )
        yield r"\fi"


def check_size(scene: Scene, suffix: str) -> None:
    """Raises UnrollError for a scene that no page can hold."""
    size = max(scene.bounds.width, scene.bounds.height)
    if size * POINTS > LARGEST:
        raise UnrollError(
            f"the figure is {size:.0f} px long, too long for {suffix}",
            remedy='Leave out steps in the middle (elide="auto"), or save it as .svg.',
        )
