"""What notebooks show of results: tables whose every cell is text."""

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Protocol

import numpy as np
import pytest

from augalgebra.algebra.laws import Law
from augalgebra.algebra.parsing import parse_word
from augalgebra.algebra.rewriting.cayley_tables import CayleyTable
from augalgebra.algebra.rewriting.proofs import Proof, ProofStep
from augalgebra.algebra.rewriting.queries import Equality
from augalgebra.algebra.words import IDENTITY, word_of
from augalgebra.catalog import load_catalog
from augalgebra.checks.comparison import WordComparison
from augalgebra.checks.discovery import discover
from augalgebra.checks.results import LawReport, LawResult
from augalgebra.consistency.information import Information
from augalgebra.consistency.report import CompositionReport, WordScore
from augalgebra.notebooks import MOST_ROWS, render_table
from augalgebra.operators import Operator
from augalgebra.operators.fits.affine import AffineMap
from augalgebra.runs.queries import LatentComparison, MeasuredRoutes, MeasuredWord

NASTY = "<script>alert('&amp;')</script>"
ALLOWED = {"table", "caption", "thead", "tbody", "tr", "th", "td", "code"}


class Page(HTMLParser):
    """The tags and the text of some HTML; whatever is not well nested fails."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


class Shown(Protocol):
    def _repr_html_(self) -> str: ...


def score(word: str = NASTY) -> WordScore:
    numbers = {"bce": 71.0, "floor": 70.0, "identity_bce": 140.0, "entropy": 45.0}
    return WordScore(**numbers, word=word, view="id", kind="generator", route=word, encoded="id", residual=0.125)


def composition() -> CompositionReport:
    return CompositionReport({}, {}, (score(),), (), (), (), 10, "main", Information(true=0.3, drawn=0.3))


NASTY_WORD = word_of(NASTY)
LAW = Law(NASTY_WORD, IDENTITY, "equals", owner="x")
RESULTS: dict[str, Callable[[], Shown]] = {
    "word": lambda: NASTY_WORD,
    "law": lambda: LAW,
    "table": lambda: CayleyTable((NASTY_WORD,), (IDENTITY, NASTY_WORD), ((0, 1), (1, None)), False, NASTY),
    "equality": lambda: Equality(
        True, "1 step", Proof(NASTY_WORD, IDENTITY, (ProofStep(NASTY_WORD, IDENTITY, LAW, True, 0),)), (IDENTITY,) * 2
    ),
    "laws": lambda: LawReport((LawResult(LAW, NASTY, "violated", NASTY, 0.25, 1.0, 8),)),
    "comparison": lambda: WordComparison(False, NASTY, 0.25, 1.0, 8, None),
    "operator": lambda: Operator.of(AffineMap.linear(np.eye(3)), label=NASTY),
    "composition": composition,
    "measured word": lambda: MeasuredWord(score(), None, 10),
    "measured routes": lambda: MeasuredRoutes((score(),), score(), 10),
    "latent comparison": lambda: LatentComparison(None, NASTY, 0.1, 0, 0, 0, 0, (0, 0), (0, 0), (0, 0), 10),
}


@pytest.mark.parametrize("name", RESULTS)
def test_what_is_text_stays_text(name: str) -> None:
    page = Page(RESULTS[name]()._repr_html_())
    assert page.tags <= ALLOWED
    assert any(NASTY in text for text in page.text)


def test_a_law_that_is_violated_says_why() -> None:
    page = Page(LawReport((LawResult(LAW, "a = b", "violated", "they differ", 0.25, 1.0, 8),))._repr_html_())
    assert "0 of 1 laws hold" in page.text
    assert [text for text in ("a = b", "violated", "they differ", "0.25", "8") if text not in page.text] == []


def test_a_composition_shows_gap_beside_doing_nothing() -> None:
    page = Page(composition()._repr_html_())
    assert [text for text in ("1.04", "3.8", "71", "70", "45", "0.125", "holds") if text not in page.text] == []


def test_a_discovery_shows_the_group_and_its_relations() -> None:
    found = discover(load_catalog(), ["flip_lr", "flip_ud"], height=6)
    page = Page(found._repr_html_())
    assert "Z2×Z2" in page.text
    assert "dihedral.flip_lr^2 = id" in page.text


def test_long_tables_say_how_much_they_leave_out() -> None:
    page = Page(render_table(["n"], [(number,) for number in range(MOST_ROWS + 3)]))
    assert "and 3 more" in page.text
    assert str(MOST_ROWS) not in page.text


def test_what_is_not_known_is_a_dash() -> None:
    assert Page(render_table(["a", "b", "c"], [(None, float("nan"), True)])).text.count("–") == 2


def test_a_word_that_was_parsed_is_shown_as_written() -> None:
    assert parse_word("a * b^2")._repr_html_() == "<code>a * b^2</code>"
