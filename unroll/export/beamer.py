"""Beamer: a picture whose overlays play the sweep, and a presentation of one frame around it.

The same file serves both: before a class is loaded it loads Beamer, afterwards it is the picture
alone. The picture is a macro: a frame reads it whole, and its box is the same on every slide.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil

from unroll.drawing.scene import Scene
from unroll.drawing.sweeping import Moment
from unroll.drawing.theme import Theme, palette
from unroll.export.staging import FAINT, Stage, gathered, stage, staged
from unroll.export.tex import comment, is_eastern, number, points, text
from unroll.export.tikz import PACKAGES, check_size, letters
from unroll.export.tikzpicture import Picture
from unroll.export.tikzstyles import named

_MOST = 60  # slides; of more moments, those of a step and phase share one
_LETTERS = 90  # on a line of the caption, in Beamer's \footnotesize and 16:9
_LINES = 5  # of a caption; a longer one ends early


def write_beamer(scene: Scene, theme: str = "light") -> str:
    """The scene as a LaTeX document that plays the sweep, a slide a moment, for all three engines.

    What is pending is faint, what is active has wider lines, its sentence stands below; the last
    slide is the whole picture, and so are handouts and documents of another class. Beyond sixty
    moments those of a step share a slide. Raises UnrollError for what `stage` refuses, and for a
    scene that no page can hold.
    """
    check_size(scene, ".tex")
    ready = stage(scene)
    if len(ready.moments) > _MOST:
        ready = staged(scene, gathered(ready.moments))
    colors = palette(theme)
    return "\n".join(_document(ready, colors)) + "\n"


def _document(ready: Stage, colors: Theme) -> Iterator[str]:
    picture = "\n".join(Picture(ready.scene, colors).lines())
    sentences = [_short(m) for m in ready.moments]
    caption = "\n".join(_caption(sentences, ready.scene.title))
    yield comment(ready.scene.title)
    yield comment(ready.scene.description)
    yield "%"
    yield f"% Compile this file, a presentation of {len(sentences) + 1} slides, or put the picture"
    yield "% into a frame of your own: \\input this file there, after"
    yield "%   \\usepackage{amsmath,amssymb,tikz} \\usetikzlibrary{arrows.meta}"
    yield "% It is as wide as the text, and not higher than \\unrollheight; the sentence of each"
    yield "% moment is \\unrollcaption{...}. Define these, if you like, before:"
    yield "%   \\newcommand\\unrollheight{5cm} \\newcommand\\unrollcaption[1]{}"
    yield "% and change what is still to come, and other looks, with"
    yield "%   \\tikzset{every unroll picture/.style={unroll pending/.style={opacity=0.3}}}"
    yield r"\expandafter\ifx\csname @classoptionslist\endcsname\relax % no class is loaded yet"
    yield r"\RequirePackage{fix-cm}"
    yield r"\documentclass[aspectratio=169]{beamer}"
    yield r"\usefonttheme{serif}"
    yield r"\setbeamertemplate{navigation symbols}{}"
    yield r"\setbeamersize{text margin left=6mm, text margin right=6mm}"
    yield PACKAGES
    yield from _ground(colors)
    yield from letters(picture + caption)
    yield r"\def\unrollend{\begin{frame}[plain]\unrollpicture\end{frame}\end{document}}"
    yield r"\begin{document}"
    yield r"\else\def\unrollend{\unrollpicture}\fi"
    if is_eastern(picture + caption):
        yield r"\providecommand\unrollcjk[1]{#1}"
    yield from _overlays([*sentences, ready.scene.title])
    yield r"\def\unrollpicture{{\par\centering"
    width, height = points(ready.scene.bounds.width), points(ready.scene.bounds.height)
    fits = rf"min(1, \linewidth/{width}, \unrollheight/{height})"
    yield rf"\pgfmathsetmacro\unrollscale{{{fits}}}%"
    yield rf"\scalebox{{\unrollscale}}{{{picture}%"
    yield rf"}}\unrollwhole<{len(sentences) + 1}->{{}}\par"  # a slide even without a caption
    yield rf"\unrollcaption{{{caption}}}}}}}%"
    yield r"\unrollend"


def _ground(colors: Theme) -> Iterator[str]:
    """The colours of the page around the picture."""
    roles = {"background": "background canvas}{bg=", "ink": "normal text}{fg="}
    for paint, role in roles.items():
        color = colors.color(paint)
        if color != "none":
            yield rf"\definecolor{{{named(paint)}}}{{HTML}}{{{color[1:].upper()}}}"
            yield rf"\setbeamercolor{{{role}{named(paint)}}}"


def _overlays(sentences: Sequence[str]) -> Iterator[str]:
    """What the picture says of slides, in the words of Beamer; elsewhere all of it is there."""
    lines = min(_LINES, ceil(max(map(len, sentences)) / _LETTERS))
    share = 0.86 - 0.05 * lines
    box = rf"\parbox[t][{lines}\baselineskip][t]{{\linewidth}}{{\centering ##1\par}}"
    yield r"\ifcsname beamer@slideinframe\endcsname"
    yield r"  \gdef\unrollonly<#1>{\only<#1| handout:0>}%  also in notes, which come later"
    yield r"  \gdef\unrollwhole<#1>{\only<#1| handout:1>}%"
    yield r"  \tikzset{unroll from/.code={\alt<#1-| handout:1>{}{\pgfkeysalso{unroll pending}}}}%"
    yield rf"  \providecommand\unrollheight{{{number(share)}\textheight}}%"
    yield r"  \providecommand\unrollcaption[1]"
    yield rf"    {{\medskip{{\footnotesize{box.replace('##', '#')}}}}}%"
    yield r"\else"
    yield r"  \long\gdef\unrollonly<#1>#2{}\global\let\unrollwhole=\unrollonly"
    yield r"  \tikzset{unroll from/.code={}}%"
    yield r"  \providecommand\unrollheight{0.86\textheight}\providecommand\unrollcaption[1]{}%"
    yield r"\fi"
    yield rf"\tikzset{{unroll pending/.style={{opacity={number(FAINT)}}}}}%"


def _caption(sentences: Sequence[str], title: str) -> Iterator[str]:
    for k, sentence in enumerate(sentences, 1):
        yield rf"\unrollonly<{k}>{{{text(sentence)}}}%"
    yield rf"\unrollwhole<{len(sentences) + 1}->{{{text(title)}}}"


def _short(moment: Moment) -> str:
    """The sentence of a moment; as many of several as have room."""
    most = _LINES * _LETTERS
    said = moment.sentence
    if len(said) <= most:
        return said
    whole = said[:most].rfind(". ")
    return said[: whole + 1] if whole > 0 else said[: most - 3].rstrip() + "..."
