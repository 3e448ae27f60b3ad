"""Every template's pictures stand as they did: where, to the pixel, and what is written there."""

import re

import pytest
from golden import FOLDER, described

from unroll import templates

NUMBER = re.compile(r"-?\d+")
NEAR = 1  # px: processors round differently


def same(one: str, other: str) -> bool:
    words = [NUMBER.sub("#", text) for text in (one, other)]
    numbers = [list(map(int, NUMBER.findall(text))) for text in (one, other)]
    return words[0] == words[1] and all(abs(a - b) <= NEAR for a, b in zip(*numbers, strict=True))


@pytest.mark.parametrize("name", templates.names())
def test_pictures_are_the_golden_ones(name):
    golden = FOLDER / f"{name}.txt"
    found = described(name)
    if not golden.exists() or not same(found, golden.read_text(encoding="utf-8")):
        (FOLDER / f"{name}.new.txt").write_text(found, encoding="utf-8")
        pytest.fail(
            f"the pictures of {name} have changed: compare tests/golden/{name}.new.txt, "
            "look at them, then run python -m tests.golden"
        )


def test_a_moved_node_and_another_word_are_seen():
    text = "node h t state at 10 20"
    assert same(text, text.replace("10", "11"))
    assert not same(text, text.replace("10", "12"))
    assert not same(text, text.replace("node", "ghost"))


def test_no_template_is_left_over():
    assert {p.stem for p in FOLDER.glob("*.txt")} == set(templates.names())
