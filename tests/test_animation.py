"""The sweep as an animated SVG, a GIF and an animated PNG: frames read back and compared."""

import re
import xml.etree.ElementTree as ElementTree
from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

import unroll
from unroll.drawing.scene import Bounds, Scene
from unroll.drawing.sweeping import sweep
from unroll.errors import UnrollError
from unroll.export.animation import write_animation, write_moving_svg
from unroll.export.staging import gathered, stage

NASTY = '</style></svg><script>alert(1)</script> " data-moment="1" 循环 \x00'
SVG = {"s": "http://www.w3.org/2000/svg"}


def frames(data):
    with Image.open(BytesIO(data)) as picture:
        found = []
        for k in range(picture.n_frames):
            picture.seek(k)
            found.append((np.asarray(picture.convert("RGBA")), picture.info["duration"]))
        return found


def valued():
    template = unroll.template("rnn")
    trace = template.run(steps=2, dims={"x": 2, "h": 3, "y": 2}, seed=0)
    return template.draw(values=trace, flow="both")


@pytest.mark.parametrize("name", ["rnn", "bidirectional", "recursive-tree", "edit-distance"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_animated_png_ends_with_the_still_picture(name, theme):
    figure = unroll.template(name).draw(steps=2, flow="both", theme=theme)
    found = frames(write_animation(figure.scene, "apng", theme, seconds=0.5))
    moments = sweep(figure.scene)
    assert len(found) == len(moments) + 2
    assert {f.shape for f, _ in found} == {found[0][0].shape}
    assert [d for _, d in found] == [500] * (len(moments) + 1) + [2000]
    with Image.open(BytesIO(figure.render(".png"))) as still:
        assert np.array_equal(found[-1][0], np.asarray(still.convert("RGBA")))
    for (before, _), (after, _) in pairwise(found):
        assert not np.array_equal(before, after)


def test_a_gif_has_a_frame_a_moment_and_starts_again():
    figure = valued()
    data = write_animation(figure.scene, "gif", seconds=0.4, pixels=2.0)
    assert data[:6] == b"GIF89a"
    assert b"NETSCAPE2.0\x03\x01\x00\x00" in data  # again and again
    found = frames(data)
    assert len(found) == len(sweep(figure.scene)) + 2
    assert found[-1][1] == 1600
    assert len({f.shape for f, _ in found}) == 1
    assert not np.array_equal(found[0][0], found[-1][0])
    with Image.open(BytesIO(figure.render(".png"))) as still:
        picture = np.asarray(still.convert("RGBA")).astype(int)
    apart = np.abs(found[-1][0].astype(int) - picture).max(axis=-1)
    assert apart.max() <= 48
    assert (apart > 0).mean() < 0.05


def test_a_gif_of_few_colours_is_exact():
    figure = unroll.template("dynamical-system").draw(steps=2, view="unfolded", theme="print")
    last, _ = frames(write_animation(figure.scene, "gif", "print"))[-1]
    with Image.open(BytesIO(figure.render(".png"))) as still:
        assert np.array_equal(last, np.asarray(still.convert("RGBA")))


def test_only_what_plays_changes():
    """What has been played looks in every frame as it does in the end."""
    scene = unroll.template("rnn").draw(steps=2, view="unfolded").scene
    found = [f for f, _ in frames(write_animation(scene, "apng"))]
    left = scene.bounds.left
    edge = next(g for g in scene.groups("node") if g.fact("name") == "L" and g.fact("index") == "1")
    column = round(2 * (edge.items[0].x + edge.items[0].radius - left)) + 8
    second = next(k for k, m in enumerate(sweep(scene), 1) if m.step == "2")
    assert np.array_equal(found[second + 1][:, : column // 2], found[-1][:, : column // 2])
    assert not np.array_equal(found[0][:, : column // 2], found[-1][:, : column // 2])


@pytest.mark.parametrize("kind", ["gif", "apng"])
def test_animations_are_deterministic(kind):
    first, second = (write_animation(valued().scene, kind, pixels=1.0) for _ in range(2))
    assert first == second


def test_pixels_are_those_asked_for_or_fit_a_screen():
    scene = unroll.template("driven-system").draw(steps=2).scene
    with Image.open(BytesIO(write_animation(scene, "gif", pixels=1.0))) as picture:
        assert picture.width == pytest.approx(scene.bounds.width, abs=1)
    large = unroll.template("lstm").draw(steps=2).scene
    assert 4 * large.bounds.width * large.bounds.height > 2.6e6
    with Image.open(BytesIO(write_animation(large, "apng"))) as picture:
        assert 2.4e6 < picture.width * picture.height < 2.6e6


def test_an_animated_svg_plays_every_moment_and_rests_finished():
    figure = valued()
    text = write_moving_svg(figure.scene, seconds=0.5)
    root = ElementTree.fromstring(text)
    count = len(sweep(figure.scene))
    style = root.find("s:style", SVG).text
    assert style.startswith("@media not all and (prefers-reduced-motion:reduce){")
    total = (count + 5) * 0.5
    played = [e.get("data-moment") for e in root.iter() if e.get("data-moment")]
    assert set(played) == {str(k) for k in range(1, count + 1)}
    for k in range(1, count + 1):
        assert (
            f'[data-moment="{k}"]{{animation:{root.get("id")}-a{k} {total:g}s infinite}}' in style
        )
    emphasis = [e for e in root.iter() if e.get("data-kind") == "emphasis"]
    assert len(emphasis) == count
    assert {e.get("opacity") for e in emphasis} == {"0"}
    without = re.sub(r"<style>.*?</style>\n", "", text)
    assert "<style" not in without
    assert all(e.get("opacity") is None for e in root.iter() if e not in emphasis)


def test_text_from_a_user_stays_text():
    recurrence = unroll.parse("状态[t] = tanh(W @ 状态[t-1] + U @ x[t])")
    scene = recurrence.draw(steps=2, title=NASTY, description=NASTY).scene
    for theme in ("light", "auto"):
        text = write_moving_svg(scene, theme)
        root = ElementTree.fromstring(text)
        assert "<script" not in text
        assert root.find("s:title", SVG).text == NASTY.replace("\x00", "\ufffd")
    with Image.open(BytesIO(write_animation(scene, "apng", pixels=1.0))) as picture:
        assert picture.n_frames == len(sweep(scene)) + 2


def test_moments_of_a_step_can_be_gathered():
    scene = unroll.template("rnn").draw(steps=3, flow="both").scene
    moments = sweep(scene)
    few = gathered(moments)
    assert [(m.phase, m.step) for m in few][:3] == [
        ("forward", "1"),
        ("loss", "1"),
        ("forward", "2"),
    ]
    assert [id(g) for m in few for g in m.active] == [id(g) for m in moments for g in m.active]
    assert " ".join(m.sentence for m in few) == " ".join(m.sentence for m in moments)


def test_what_lights_up_has_wider_lines():
    ready = stage(unroll.template("rnn").draw(steps=2, view="unfolded").scene)
    nodes = {id(g): g for m in ready.moments for g in m.active if g.kind == "node"}
    thin = {g.items[0].width for g in nodes.values()}
    wide = {
        i.width
        for g in ready.scene.groups("emphasis")
        for i in g.items
        if type(i).__name__ == "Circle"
    }
    assert min(wide) > 2 * max(thin)


@pytest.mark.parametrize(
    ("scene", "options", "message"),
    [
        (Scene((), Bounds(0, 0, 9, 9), "", ""), {}, "nothing to play"),
        ("long", {}, "too many steps"),
        ("rnn", {"seconds": 0.0}, "cannot last 0 seconds"),
        ("rnn", {"seconds": float("nan")}, "cannot last nan seconds"),
        ("rnn", {"pixels": 40.0}, "too large for an animation"),
        ("rnn", {"theme": "transparent"}, "partly transparent"),
    ],
)
def test_refusals(scene, options, message):
    if scene == "long":
        scene = unroll.template("dynamical-system").draw(steps=500, elide="none").scene
    elif scene == "rnn":
        scene = unroll.template("rnn").draw(steps=2).scene
    with pytest.raises(UnrollError, match=message):
        write_animation(scene, "gif", **options)
    if "pixels" not in options and "theme" not in options:
        with pytest.raises(UnrollError, match=message):
            write_moving_svg(scene, **options)
