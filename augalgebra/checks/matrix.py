"""Which augmentations can be undone and which pairs commute: laws against images, every product made once."""

import itertools
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from augalgebra.algebra.words import Word
from augalgebra.catalog import Catalog
from augalgebra.checks.declared import DeclaredProperties
from augalgebra.checks.evaluation import Evaluator
from augalgebra.checks.matrix_report import Declared, Finding, Matrix, Measured, Row
from augalgebra.checks.roundtrips import Kind, fixed, measure_inverse, probe_evaluators, round_trip_error
from augalgebra.checks.tolerances import (
    MOVED_APPROXIMATE,
    MOVED_EXACT,
    NEAR_RMS,
    NEAR_SHARE,
    differences,
    exact_tolerance,
)
from augalgebra.errors import AugalgebraError

BLOCK_BYTES = 256 * 2**20
"""Memory for the products of two blocks of augmentations."""

_MEASURED: Mapping[Kind, Measured] = {
    "two-sided": "yes",
    "right": "one-sided",
    "left": "one-sided",
    "approximate": "nearly",
    "none": "no",
    "unknown": "unknown",
    "vacuous": "vacuous",
}


def measure_matrix(
    catalog: Catalog,
    names: Sequence[str] | None = None,
    *,
    size: int = 28,
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> Matrix:
    """Find out of every augmentation whether it can be undone, and of every pair whether it commutes.

    Args:
        catalog: Where the augmentations and their laws are.
        names: Augmentations or words; all that are registered by default. Parameters that are left out and have no
            default, or are drawn at random, take one fixed value.
        size: Height and width of the probe images.
        seed: Seed of the probe images.
        on_progress: Called with the number of augmentations and products done, and their total.

    Returns:
        The matrix. What cannot be applied is listed there with its reason.

    Raises:
        AugalgebraError: A name that was given cannot be resolved.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # libraries warn of colour shifts that do nothing to grey, and of slow ways
        return _measured(catalog, names, size, seed, on_progress)


def _measured(
    catalog: Catalog,
    names: Sequence[str] | None,
    size: int,
    seed: int,
    on_progress: Callable[[int, int], None] | None,
) -> Matrix:
    words, left_out = _words(catalog, names)
    evaluators = probe_evaluators(catalog, size, size, seed=seed, few=True)
    tables = [_Table(evaluator) for evaluator in evaluators]
    kept: dict[str, Word] = {}
    for name, word in words.items():
        problems = [table.admit(word) for table in tables]
        if all(problems):
            left_out.append((name, catalog.shorten(problems[-1])))
        else:
            kept[name] = word
    total = 2 * len(kept) ** 2 + len(kept)
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        if on_progress is not None:
            on_progress(min(done, total), total)

    order = list(dict.fromkeys(kept.values()))
    for table in tables:
        table.compare(order, advance)
    declared = DeclaredProperties(catalog)
    rows = []
    for name, word in kept.items():
        rows.append(_row(name, word, catalog, declared, tables, evaluators, order))
        advance(1)
    pairs = {
        (i, j): _pair(first, second, declared, tables)
        for (i, first), (j, second) in itertools.combinations(enumerate(kept.values()), 2)
    }
    advance(total)
    return Matrix(tuple(rows), pairs, tuple(left_out), size)


def _words(catalog: Catalog, names: Sequence[str] | None) -> tuple[dict[str, Word], list[tuple[str, str]]]:
    words: dict[str, Word] = {}
    left_out: list[tuple[str, str]] = []
    for name in [catalog.short_name(full) for full in catalog.augmentations] if names is None else names:
        try:
            words[name] = fixed(catalog, name)
        except AugalgebraError as error:
            if names is not None:
                raise
            left_out.append((name, str(error)))
    return words, left_out


@dataclass(frozen=True)
class _Apart:
    """How two words differ on the probes of one table: the largest pixel, and the largest root mean square."""

    error: float
    rms: float


class _Table:
    """The probes under each word and each product of two, compared."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        (self._batch,) = evaluator.batches
        self._images: dict[Word, Tensor] = {}
        self.commuting: dict[tuple[Word, Word], _Apart] = {}
        self.squared: dict[Word, tuple[_Apart, _Apart]] = {}
        self.undoing: dict[Word, set[Word]] = {}
        self.failures: dict[tuple[Word, Word], str] = {}

    def __contains__(self, word: Word) -> bool:
        return word in self._images

    @torch.inference_mode()
    def admit(self, word: Word) -> str:
        """Apply a word to the probes; why that is no good, if it is not."""
        if word in self._images:
            return ""
        try:
            once, again = (self._applied(word, self._batch.images) for _ in range(2))
        except AugalgebraError as error:
            return str(error)
        if once.shape != again.shape or not torch.equal(once, again):
            return "it gives different results for equal images, so it is no function"
        self._images[word] = once
        return ""

    def moved(self, word: Word, *others: Word) -> _Apart:
        """How far the probe that is moved most is moved by the one of the words that moves it least."""
        words = [self._displacement(item) for item in (word, *others)]
        return _Apart(*(float(torch.stack([pair[k] for pair in words]).amin(0).max()) for k in range(2)))

    def _displacement(self, word: Word) -> tuple[Tensor, Tensor]:
        largest = differences(self._images[word], self._batch.images, "max")
        rms = differences(self._images[word], self._batch.images, "rms")
        return largest, rms.where(self._batch.smooth, torch.zeros_like(rms))

    @torch.inference_mode()
    def compare(self, words: Sequence[Word], advance: Callable[[int], None]) -> None:
        """Make every product of two words once, a block of words at a time, and compare."""
        own = [word for word in words if word in self._images]
        largest = max((self._images[word].nbytes for word in own), default=1)
        side = max(1, math.isqrt(BLOCK_BYTES // (2 * largest)))
        blocks = [own[start : start + side] for start in range(0, len(own), side)]
        for number, rows in enumerate(blocks):
            for columns in blocks[number:]:
                products = dict(self._products(rows, columns, advance))
                if columns is not rows:
                    products |= dict(self._products(columns, rows, advance))
                self._compare(products)
        advance(len(words) ** 2 - len(own) ** 2)

    def _products(
        self, rows: Sequence[Word], columns: Sequence[Word], advance: Callable[[int], None]
    ) -> Iterator[tuple[tuple[Word, Word], Tensor]]:
        """Each of the columns after each of the rows; all rows of one image size go through together."""
        by_shape: dict[tuple[int, ...], list[Word]] = {}
        for row in rows:
            by_shape.setdefault(tuple(self._images[row].shape), []).append(row)
        for column in columns:
            for group in by_shape.values():
                yield from self._applied_to_all(group, column)
            advance(len(rows))

    def _applied_to_all(self, rows: Sequence[Word], column: Word) -> Iterator[tuple[tuple[Word, Word], Tensor]]:
        batch = torch.cat([self._images[row] for row in rows])
        try:
            results = self._applied(column, batch)
        except AugalgebraError as error:
            if len(rows) == 1:
                self.failures[rows[0], column] = str(error)
                return
            for row in rows:  # which of them it is that cannot be followed by this one
                yield from self._applied_to_all([row], column)
            return
        yield from zip(((row, column) for row in rows), results.chunk(len(rows)), strict=True)

    def _compare(self, products: Mapping[tuple[Word, Word], Tensor]) -> None:
        originals = self._batch.images
        for (first, second), images in products.items():
            if first == second:
                self.squared[first] = self._apart(images, originals), self._apart(images, self._images[first])
            other = products.get((second, first))
            if other is not None:
                self.commuting[first, second] = self._apart(images, other)
            if images.shape == originals.shape:
                catalog, dtype = self._evaluator.catalog, self._evaluator.dtype
                limit = exact_tolerance(catalog, (first, second), dtype)
                if float((images - originals).abs().max()) <= limit:
                    self.undoing.setdefault(first, set()).add(second)

    def _apart(self, one: Tensor, other: Tensor) -> _Apart:
        smooth = self._batch.smooth
        rms = differences(one, other, "rms")[smooth]
        return _Apart(float(differences(one, other, "max").max()), float(rms.max()))

    def _applied(self, word: Word, images: Float[Tensor, "image channel height width"]) -> Tensor:
        for symbol in self._evaluator.symbols(word):
            images = self._evaluator.step(symbol, images)
        return images


@dataclass(frozen=True)
class _Judge:
    """Gives verdicts on differences; the limits are those of laws that are checked on images."""

    tolerance: float
    declared: Declared | None
    near: float

    def measured(self, apart: _Apart, moved: _Apart) -> Measured:
        if apart.error <= self.tolerance:
            if moved.error > MOVED_EXACT * self.tolerance:
                return "yes"
            return "vacuous"
        # a declared error is believed, as long as it is less than what is moved at all
        share = 1 / MOVED_APPROXIMATE if self.declared == "approximate" else NEAR_SHARE
        if apart.rms > self.near:
            return "no"
        if apart.rms <= share * moved.rms:
            return "nearly"
        return "vacuous" if self.declared == "approximate" else "no"


def _judged(
    declared: tuple[Declared | None, float],
    tolerance: float,
    found: Sequence[tuple[_Apart, _Apart]],
    failures: Sequence[str] = (),
) -> Finding:
    """The finding on grey and on coloured probes taken together: the worse one, of those that tell something."""
    if not found:
        return Finding(declared[0], "unknown", reason=failures[0] if failures else "")
    judge = _Judge(tolerance, declared[0], declared[1] if declared[0] == "approximate" else NEAR_RMS)
    verdicts = [judge.measured(apart, moved) for apart, moved in found]
    order: tuple[Measured, ...] = ("no", "nearly", "yes", "vacuous")
    verdict = next(item for item in order if item in verdicts)
    error, moved = max(apart.error for apart, _ in found), max(moved.error for _, moved in found)
    reason = f"an error of {error:.2g} where they are moved by {moved:.2g}" if verdict in ("no", "nearly") else ""
    return Finding(declared[0], verdict, error, moved, reason)


def _pair(first: Word, second: Word, declared: DeclaredProperties, tables: Sequence[_Table]) -> Finding:
    if first == second:
        return Finding("exact", "vacuous", 0.0, reason="they are one and the same")
    tolerance = exact_tolerance(declared.catalog, (first, second), torch.float32)
    found = [
        (table.commuting[first, second], table.moved(first, second))
        for table in tables
        if (first, second) in table.commuting
    ]
    failures = [
        table.failures[pair]
        for table in tables
        for pair in ((first, second), (second, first))
        if pair in table.failures
    ]
    return _judged(declared.commute(first, second), tolerance, found, failures)


def _row(
    name: str,
    word: Word,
    catalog: Catalog,
    declared: DeclaredProperties,
    tables: Sequence[_Table],
    evaluators: Sequence[Evaluator],
    others: Sequence[Word],
) -> Row:
    tolerance = exact_tolerance(catalog, (word,), torch.float32)
    usable = [table for table in tables if word in table]
    squares = [(*table.squared[word], table.moved(word)) for table in usable if word in table.squared]
    failures = [table.failures[word, word] for table in usable if (word, word) in table.failures]
    involutory = _judged(
        declared.involutory(word), tolerance, [(twice, moved) for twice, _, moved in squares], failures
    )
    idempotent = _judged(declared.idempotent(word), tolerance, [(once, moved) for _, once, moved in squares], failures)
    (says, allowed), claimed = declared.inverse(word)
    undoing = [
        other
        for other in others
        if any(other in table.undoing.get(word, ()) or word in table.undoing.get(other, ()) for table in usable)
    ]
    candidates = [*([claimed] if claimed is not None else []), *undoing]
    try:
        found = measure_inverse(evaluators, word, candidates)
    except AugalgebraError as error:
        return Row(name, catalog.display(word), Finding(says, "unknown", reason=str(error)), "", involutory, idempotent)
    measured = _MEASURED[found.kind]
    reason = catalog.shorten(found.reason)
    if says == "exact" and claimed is not None and found.kind == "two-sided" and found.word != claimed:
        measured = "no"
        reason = f"{catalog.display(claimed)} does not undo it, though {catalog.display(found.word or claimed)} does"
    invertible = Finding(says, measured, found.error, found.moved, reason)
    undoes = found.word
    if says == "approximate" and claimed is not None and invertible.mismatch:
        apart, moved = round_trip_error(evaluators, word, claimed)
        if apart is not None and moved is not None and apart <= min(allowed, moved / MOVED_APPROXIMATE):
            reason = (
                f"{catalog.display(claimed)} restores the probes as nearly as declared, with an error of {apart:.2g}"
            )
            invertible, undoes = Finding(says, "nearly", apart, moved, reason), claimed
    inverse = "" if undoes is None else catalog.display(undoes)
    return Row(name, catalog.display(word), invertible, inverse, involutory, idempotent)
