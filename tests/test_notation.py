"""Every rule of the notation on texts of real sources: the reading by its text and its numbers."""

import numpy as np
import pytest
from notations import Case, by_hand, by_package, draw, trimmed
from notations_products import CASES as PRODUCTS
from notations_symbols import CASES as SYMBOLS
from notations_time import CASES as TIME

import unroll

CASES = [*SYMBOLS, *PRODUCTS, *TIME]


@pytest.mark.parametrize("case", CASES, ids=[c.label for c in CASES])
def test_a_text_of_a_source_means_what_its_author_meant(case: Case) -> None:
    arrays = draw(case)
    found, recurrence = by_package(case, arrays)
    expected = by_hand(case, arrays)
    assert set(found) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-10, atol=1e-12, err_msg=name)
    assert str(recurrence) == trimmed(case.canonical)
    assert unroll.parse(case.canonical) == recurrence


@pytest.mark.parametrize("rule", range(1, 18))
def test_every_rule_has_texts_of_three_sources(rule: int) -> None:
    assert len({c.source for c in CASES if c.rule == rule}) >= 3
