"""Which augmentations can be undone and which pairs commute: laws against images, every product made once."""

import itertools
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from augalgebra.algebra.conditions import ALWAYS, DARK, SQUARE
from augalgebra.algebra.words import Word
from augalgebra.case_progress import CaseProgress
from augalgebra.catalog import Catalog
from augalgebra.checks.evaluation import Evaluator
from augalgebra.checks.inversion.declared import Claim, DeclaredProperties
from augalgebra.checks.inversion.matrix_report import Finding, Matrix, Measured, Overwriting, Row
from augalgebra.checks.inversion.round_trips import (
    Kind,
    fix_parameters,
    measure_inverse,
    probe_evaluators,
    round_trip_error,
)
from augalgebra.checks.probe_images import has_dark_border
from augalgebra.checks.probes import Probe, suited_probes
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
    probes: Sequence[Probe] | None = None,
    size: int = 28,
    seed: int = 0,
    on_progress: CaseProgress | None = None,
) -> Matrix:
    """Find out of every augmentation whether it can be undone, and of every pair whether it commutes or overwrites.

    Args:
        catalog: Where the augmentations and their laws are.
        names: Augmentations or words; all that are registered by default. Parameters that are left out and have no
            default, or are drawn at random, take one fixed value.
        probes: Images to compare on; by default the built-in ones, or if some augmentations are made for certain
            pictures (``register(..., probes=...)``), those that all of these name.
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
        return _measured(catalog, names, probes, size, seed, on_progress)


def _measured(
    catalog: Catalog,
    names: Sequence[str] | None,
    probes: Sequence[Probe] | None,
    size: int,
    seed: int,
    on_progress: CaseProgress | None,
) -> Matrix:
    words, left_out = _words(catalog, names)
    if probes is None:
        suited = suited_probes(catalog, words.values())
        probes = None if suited is None else suited[0]
    if probes:
        by_size: dict[tuple[int, ...], list[Probe]] = {}
        for probe in probes:
            by_size.setdefault(tuple(probe.images.shape[1:]), []).append(probe)
        evaluators = [Evaluator(catalog, group) for group in by_size.values()]
    else:
        # the others are larger, so that crops can be applied to them too
        sizes = ((size, size), (size + 5, size + 5), ((size + 3) | 1, (size + 8) | 1))
        evaluators = [item for one in sizes for item in probe_evaluators(catalog, *one, seed=seed, few=True)]
    tables = [_Table(evaluator) for evaluator in evaluators]
    kept: dict[str, Word] = {}
    for name, word in words.items():
        problems = [table.admit(word) for table in tables]
        if all(problems):
            left_out.append((name, catalog.shorten(problems[-1])))
        else:
            kept[name] = word
    total = len(tables) * len(kept) ** 2 + len(kept)
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
    overwritten = [
        found
        for (i, first), (j, second) in itertools.permutations(enumerate(kept.values()), 2)
        if (found := _overwriting(i, j, first, second, declared, tables)) is not None
    ]
    advance(total)
    pictures = "; ".join(map(_described, probes or ()))
    return Matrix(tuple(rows), pairs, tuple(left_out), size, tuple(overwritten), pictures)


def _words(catalog: Catalog, names: Sequence[str] | None) -> tuple[dict[str, Word], list[tuple[str, str]]]:
    words: dict[str, Word] = {}
    left_out: list[tuple[str, str]] = []
    for name in [catalog.short_name(full) for full in catalog.augmentations] if names is None else names:
        try:
            words[name] = fix_parameters(catalog, name)
        except AugalgebraError as error:
            if names is not None:
                raise
            left_out.append((name, str(error)))
    return words, left_out


@dataclass(frozen=True)
class _Apart:
    """How two words differ on the probes of one table.

    Attributes:
        error: The largest pixel.
        rms: The largest root mean square of the smooth ones.
        dark: The same of those that have a dark border.
        square: Whether the probes are as high as wide.
    """

    error: float
    rms: float
    dark: float
    square: bool


class _Table:
    """The probes under each word and each product of two, compared."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        (self._batch,) = evaluator.batches
        border = torch.tensor([probe.dark_border for probe, _ in self._batch.labels])
        self._dark = self._batch.smooth & (border | has_dark_border(self._batch.images))
        self._images: dict[Word, Tensor] = {}
        self.commuting: dict[tuple[Word, Word], _Apart] = {}
        self.overwriting: dict[tuple[Word, Word], _Apart] = {}
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
        images = [self._images[item] for item in (word, *others)]
        largest, rms = (
            torch.stack([differences(item, self._batch.images, norm) for item in images]).amin(0)
            for norm in ("max", "rms")
        )
        return self._summary(largest, rms)

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
                self.overwriting[first, second] = self._apart(images, self._images[second])
            if images.shape == originals.shape:
                catalog, dtype = self._evaluator.catalog, self._evaluator.dtype
                limit = exact_tolerance(catalog, (first, second), dtype)
                if float((images - originals).abs().max()) <= limit:
                    self.undoing.setdefault(first, set()).add(second)

    def _apart(self, one: Tensor, other: Tensor) -> _Apart:
        return self._summary(differences(one, other, "max"), differences(one, other, "rms"))

    def _summary(self, largest: Tensor, rms: Tensor) -> _Apart:
        height, width = self._batch.size
        smooth = float(rms[self._batch.smooth].max())
        dark = float(rms[self._dark].max()) if bool(self._dark.any()) else math.inf
        return _Apart(float(largest.max()), smooth, dark, height == width)

    def _applied(self, word: Word, images: Float[Tensor, "image channel height width"]) -> Tensor:
        for symbol in self._evaluator.symbols(word):
            images = self._evaluator.step(symbol, images)
        return images


@dataclass(frozen=True)
class _Judge:
    """Gives verdicts on differences; the limits are those of laws that are checked on images."""

    tolerance: float
    claim: Claim

    def measured(self, apart: _Apart, moved: _Apart, *, dark: bool) -> Measured:
        if apart.error <= self.tolerance:
            return "yes" if moved.error > MOVED_EXACT * self.tolerance else "vacuous"
        # a declared error is believed, as long as it is less than what is moved at all
        nearly = self.claim.declared == "approximate"
        share, near = (1 / MOVED_APPROXIMATE, self.claim.allowed) if nearly else (NEAR_SHARE, NEAR_RMS)
        rms, displaced = (apart.dark, moved.dark) if dark else (apart.rms, moved.rms)
        if rms > near:
            return "no"
        if rms <= share * displaced:
            return "nearly"
        return "vacuous" if nearly else "no"


_WORST_FIRST: tuple[Measured, ...] = ("no", "nearly", "yes", "vacuous")


def _judged(
    claim: Claim, tolerance: float, found: Sequence[tuple[_Apart, _Apart]], failures: Sequence[str] = ()
) -> Finding:
    """The finding on all probes taken together: the worse one, of those that tell something; else on some of them."""
    if not found:
        reason = failures[0] if failures else ""
        return Finding(claim.declared, "unknown", reason=reason, allowed=claim.conditions)
    judge = _Judge(tolerance, claim)
    verdict, conditions = _WORST_FIRST[0], ALWAYS
    for conditions in (ALWAYS, SQUARE, DARK, SQUARE | DARK):
        some = [pair for pair in found if pair[0].square or "square" not in conditions]
        verdicts = [judge.measured(*pair, dark="dark border" in conditions) for pair in some]
        verdict = next((item for item in _WORST_FIRST if item in verdicts), "no")
        if verdict != "no":
            break
    if verdict == "no" or (verdict == "vacuous" and conditions):
        verdict, conditions = "no", ALWAYS
    some = [pair for pair in found if pair[0].square or "square" not in conditions]
    error, moved = max(apart.error for apart, _ in some), max(moved.error for _, moved in some)
    reason = f"an error of {error:.2g} where they are moved by {moved:.2g}" if verdict in ("no", "nearly") else ""
    return Finding(claim.declared, verdict, error, moved, reason, conditions, claim.conditions)


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


def _overwriting(
    i: int, j: int, first: Word, second: Word, declared: DeclaredProperties, tables: Sequence[_Table]
) -> Overwriting | None:
    """Whether what the first does to any probe is gone after the second, though each of them moves probes."""
    tolerance = exact_tolerance(declared.catalog, (first, second), torch.float32)
    found = [
        (table.overwriting[first, second].error, table.moved(first, second).error)
        for table in tables
        if (first, second) in table.overwriting
    ]
    errors, moved = [error for error, _ in found], [far for _, far in found]
    if max(errors, default=math.inf) > tolerance or max(moved, default=0.0) <= MOVED_EXACT * tolerance:
        return None
    return Overwriting(i, j, declared.overwritten(first, second).declared, max(errors))


def _described(probe: Probe) -> str:
    count, _, height, width = probe.images.shape
    return f"{count} pictures of {probe.name} of {height}×{width} pixels"


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
    claim, claimed = declared.inverse(word)
    says = claim.declared
    undoing = [
        other
        for other in others
        if any(other in table.undoing.get(word, ()) or word in table.undoing.get(other, ()) for table in usable)
    ]
    candidates = [*([claimed] if claimed is not None else []), *undoing]
    try:
        found = measure_inverse(evaluators, word, candidates)
    except AugalgebraError as error:
        unknown = Finding(says, "unknown", reason=str(error), allowed=claim.conditions)
        return Row(name, catalog.display(word), unknown, "", involutory, idempotent)
    measured = _MEASURED[found.kind]
    reason = catalog.shorten(found.reason)
    if says == "exact" and claimed is not None and found.kind == "two-sided" and found.word != claimed:
        measured = "no"
        reason = f"{catalog.display(claimed)} does not undo it, though {catalog.display(found.word or claimed)} does"
    invertible = Finding(says, measured, found.error, found.moved, reason, found.conditions, claim.conditions)
    undoes = found.word
    if says == "approximate" and claimed is not None and invertible.mismatch:
        apart, moved = round_trip_error(evaluators, word, claimed, claim.conditions)
        if apart is not None and moved is not None and apart <= min(claim.allowed, moved / MOVED_APPROXIMATE):
            reason = (
                f"{catalog.display(claimed)} restores the probes as nearly as declared, with an error of {apart:.2g}"
            )
            invertible = Finding(says, "nearly", apart, moved, reason, claim.conditions, claim.conditions)
            undoes = claimed
    inverse = "" if undoes is None else catalog.display(undoes)
    return Row(name, catalog.display(word), invertible, inverse, involutory, idempotent)
