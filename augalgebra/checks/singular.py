"""Laws that say that something has no inverse: looking for two images with one result.

Such a law is the negation of an equation. Two clearly different images with equal results prove it; that none are found
proves nothing. It is violated only where the other laws give an inverse that works.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from augalgebra.algebra.presentation import Presentation
from augalgebra.algebra.rewriting import queries
from augalgebra.algebra.rewriting.completion import complete
from augalgebra.algebra.words import IDENTITY, Word
from augalgebra.checks.evaluation import Evaluator, Symbols
from augalgebra.checks.instances import Instance
from augalgebra.checks.results import Alternative, LawResult, is_failure
from augalgebra.checks.tolerances import MOVED_EXACT, differences, exact_tolerance, tolerance_of
from augalgebra.errors import AugalgebraError, AugmentationError

EQUAL = 0.01
"""Results whose largest difference is this share of the data type's tolerance are equal but for a rounding error."""
CLEAR = 0.1
"""Largest difference of two pixels from which on images with *equal* results are clearly different."""
HALF_GREY_LEVEL = 0.5 / 255
"""Results that differ by less are one image in 8 bits: nearly equal."""
VERY_CLEAR = 0.5
"""Largest difference of two pixels from which on images with *nearly* equal results are clearly different."""
MAX_PIXELS = 1024
"""Pixels that are changed one at a time."""
MAX_VALUES = 8_000_000
"""Pixel values of the images that are made at once."""
MAX_COMPARED = 4096
"""Pixels of each image on which all pairs are compared."""
DIRECTIONS = 3
"""Directions that are tried of those that a map shrinks most."""
PATTERNS = ("black", "dark grey", "grey", "light grey", "white", "rows", "columns", "a chessboard")


@dataclass(frozen=True)
class Collision:
    """Two images with one result.

    Attributes:
        what: The two images, in words.
        apart: Largest difference of a pixel between the images.
        error: Largest difference of a pixel between their results.
    """

    what: str
    apart: float
    error: float

    def __str__(self) -> str:
        results = "equal results" if self.error == 0 else f"results that differ by at most {self.error:.2g}"
        return f"{self.what} differ by {self.apart:.2g} and have {results}"


def check_singular(evaluator: Evaluator, blank: LawResult, tried: Sequence[Instance]) -> LawResult:
    """The verdict on a law of kind ``singular``.

    A family has no inverse if some member has none: ``brightness(0)``, say, can be undone all the same.
    """
    tolerance = exact_tolerance(evaluator.catalog, (blank.law.lhs,), evaluator.dtype)
    blank = replace(blank, tolerance=tolerance)
    try:
        undone = [_undone(evaluator, blank, instance.lhs, tolerance) for instance in tried]
        words = [instance.lhs for instance, result in zip(tried, undone, strict=True) if result is None]
        collision, word, count = find_collision(evaluator, words)
    except AugalgebraError as error:
        return replace(blank, reason=str(error), failed=is_failure(error))
    if collision is not None:
        reason = f"under {evaluator.catalog.display(word)}, {collision}"
        return replace(blank, verdict="holds", reason=reason, error=collision.error, moved=collision.apart, n=count)
    refuted = next((result for result in undone if result is not None and result.verdict == "violated"), None)
    reason = f"among {count} images there are no two clearly different ones with one result; more is not known"
    return refuted or replace(blank, n=count, reason=reason)


def _undone(evaluator: Evaluator, blank: LawResult, word: Word, tolerance: float) -> LawResult | None:
    """What to say if the other laws give an inverse of this word that works; None if they do not."""
    inverse = _inverse_of(evaluator, word)
    if inverse is None:
        return None
    error = _largest(evaluator, word * inverse, IDENTITY)
    if error > tolerance:
        return None
    moved = _largest(evaluator, word, IDENTITY)
    equation = f"{evaluator.catalog.display(word * inverse)} = id"
    count = sum(len(batch.images) for batch in evaluator.batches)
    result = replace(blank, error=error, moved=moved, n=count)
    if moved <= MOVED_EXACT * tolerance:
        return result
    reason = f"{equation} follows from other laws and holds on the images"
    return replace(result, verdict="violated", reason=reason, alternative=Alternative(equation, equation))


def find_collision(evaluator: Evaluator, words: Sequence[Word]) -> tuple[Collision | None, Word, int]:
    """Look for two clearly different images with one result under one of some words.

    Images with equal results are looked for first, then images with nearly equal ones.

    Returns:
        What was found, under which word, and how many images were tried.

    Raises:
        AugalgebraError: A word cannot be applied.
    """
    equal = EQUAL * tolerance_of(evaluator.dtype)
    tried = 0
    nearly: tuple[Collision | None, Word] = None, IDENTITY
    # the costly searches last, and only when the cheap ones found nothing under any word
    for search in (_among_pool, _single_pixels, _null_directions):
        for word in words:
            for pool in search(evaluator, evaluator.symbols(word)):
                tried += len(pool.images)
                exact = pool.closest_pair(CLEAR, equal)
                if exact is not None:
                    return exact, word, tried
                if nearly[0] is None:
                    nearly = pool.closest_pair(VERY_CLEAR, HALF_GREY_LEVEL), word
    return (*nearly, tried)


@dataclass(frozen=True)
class _Pool:
    """Images with their results; the first `anchors` are compared with all."""

    names: Sequence[str]
    images: Tensor
    results: Tensor
    anchors: int

    def closest_pair(self, clear: float, tolerance: float) -> Collision | None:
        """Of the pairs that are clearly different and have results within the tolerance, the first."""
        # on some of the pixels first: differences there are no larger than on all
        near = self._distances(self.results, MAX_COMPARED) <= tolerance
        candidates = near & (self._distances(self.images, MAX_COMPARED) >= clear) if self.anchors > 1 else near
        for first, second in candidates.nonzero().tolist():
            apart = float((self.images[first] - self.images[second]).abs().max())
            error = float((self.results[first] - self.results[second]).abs().max())
            if apart >= clear and error <= tolerance:
                return Collision(f"{self.names[first]} and {self.names[second]}", apart, error)
        return None

    def _distances(self, batch: Tensor, most: int) -> Tensor:
        pixels = batch.flatten(1)
        pixels = pixels[:, :: max(1, -(-pixels.shape[1] // most))]
        return torch.cdist(pixels[: self.anchors], pixels, p=torch.inf)


def _apply(evaluator: Evaluator, symbols: Symbols, images: Tensor) -> Tensor:
    for symbol in symbols:
        images = evaluator.step(symbol, images)
    return images


def _among_pool(evaluator: Evaluator, symbols: Symbols) -> Iterator[_Pool]:
    """Probes and what can be made of them to fool a map: darker, brighter, flatter, overpainted, moved by itself."""
    for batch in evaluator.batches:
        probes = batch.images
        names = [f"{probe.name}[{number}]" for probe, number in batch.labels]
        made = {
            "": probes,
            " at a tenth": probes / 10,
            " at a fifth": probes / 5,
            " at four fifths": probes * 0.8,
            " between 0.25 and 0.75": probes / 2 + 0.25,
            " between 0.4 and 0.9": probes / 2 + 0.4,
            " between 0.8 and 1": probes / 5 + 0.8,
            " with another corner": _inverted_corner(probes),
            " with another rim": _inverted_rim(probes),
        }
        groups = [(images, [name + how for name in names]) for how, images in made.items()]
        tried = _accepted(evaluator, symbols, [*groups, (_patterns(probes), list(PATTERNS))])
        labels = [label for _, some in tried for label in some]
        images = torch.cat([images for images, _ in tried])
        results = _apply(evaluator, symbols, images)
        if results.shape == images.shape and float(results.min()) >= 0 and float(results.max()) <= 1:
            # an idempotent map takes x and its result to the same image
            images = torch.cat([images, results[: len(probes)]])
            results = torch.cat([results, _apply(evaluator, symbols, results[: len(probes)])])
            labels += [f"what becomes of {name}" for name in names]
        yield _Pool(labels, images, results, len(images))


def _accepted(
    evaluator: Evaluator, symbols: Symbols, tried: Sequence[tuple[Tensor, list[str]]]
) -> Sequence[tuple[Tensor, list[str]]]:
    """The images that are not refused: all, unless an augmentation is made for certain pictures.

    Raises:
        AugmentationError: An augmentation failed, or refuses the probes themselves, which come first.
    """
    if not any(evaluator.catalog.resolve(symbol.name).probes for symbol in symbols):
        return tried
    found: list[tuple[Tensor, list[str]]] = []
    for images, labels in tried:
        try:
            _apply(evaluator, symbols, images)
        except AugmentationError as error:
            if is_failure(error) or not found:
                raise
            continue
        found.append((images, labels))
    return found


def _single_pixels(evaluator: Evaluator, symbols: Symbols) -> Iterator[_Pool]:
    """An image, and the same with one pixel changed, for every pixel (or evenly spread ones)."""
    for batch in evaluator.batches[:1]:  # these searches are costly, and one size shows it as well as several
        for (probe, number), image in zip(batch.labels, batch.images, strict=True):
            if number:
                continue
            count = min(image.numel(), MAX_PIXELS, max(1, MAX_VALUES // image.numel()))
            places = torch.linspace(0, image.numel() - 1, count, dtype=torch.float64).long()
            changed = image.flatten().repeat(count, 1)
            here = torch.arange(count), places
            changed[here] = (changed[here] + 0.5) % 1.0
            images = torch.cat([image[None], changed.reshape(-1, *image.shape)])
            name = f"{probe.name}[{number}]"
            labels = [name, *(f"the same with pixel {int(place)} changed" for place in places)]
            yield _Pool(labels, images, _apply(evaluator, symbols, images), anchors=1)


def _null_directions(evaluator: Evaluator, symbols: Symbols) -> Iterator[_Pool]:
    """Images that differ in the directions that the map, taken as linear, shrinks most."""
    for batch in evaluator.batches[:1]:  # these searches are costly, and one size shows it as well as several
        middle = batch.images[-1] / 2 + 0.25
        probe, number = batch.labels[-1]
        names = [
            f"{probe.name}[{number}] {way} direction {k + 1} of those shrunk most"
            for k in range(DIRECTIONS)
            for way in ("moved in", "moved against")
        ]
        for places in _blocks(middle):
            steps = torch.zeros(len(places), middle.numel(), dtype=middle.dtype)
            steps[torch.arange(len(places)), places] = 0.1
            changed = torch.cat([middle[None], middle + steps.reshape(-1, *middle.shape)])
            results = _apply(evaluator, symbols, changed).flatten(1).double()
            response = results[1:] - results[0]
            # eigenvectors of the least eigenvalues: right singular vectors, at a tenth of the cost
            shrunk = torch.linalg.eigh(response @ response.T).eigenvectors[:, :DIRECTIONS].T
            directions = torch.zeros(DIRECTIONS, middle.numel(), dtype=middle.dtype)
            directions[:, places] = (0.25 * shrunk / shrunk.abs().amax(1, keepdim=True)).to(middle.dtype)
            directions = directions.reshape(-1, *middle.shape)
            images = torch.stack([middle + directions, middle - directions], dim=1).flatten(0, 1)
            yield _Pool(names, images, _apply(evaluator, symbols, images), len(images))


def _blocks(image: Tensor) -> Iterator[Tensor]:
    """Pixels to be changed together: all of a small image, of a large one the corners and the middle."""
    numbers = torch.arange(image.numel()).reshape(image.shape)
    if image.numel() <= MAX_PIXELS:
        yield numbers.flatten()
        return
    height, width = image.shape[-2:]
    side = min(height, width, 16, math.isqrt(MAX_VALUES // image.numel()))
    bottom, right = height - side, width - side
    for top, left in dict.fromkeys([(0, 0), (0, right), (bottom, 0), (bottom, right), (bottom // 2, right // 2)]):
        yield numbers[0, top : top + side, left : left + side].flatten()


def _patterns(like: Tensor) -> Tensor:
    """Constant images, and the finest patterns there are, which blurring makes constant."""
    height, width = like.shape[-2:]
    rows = (torch.arange(height) % 2).reshape(-1, 1).expand(height, width)
    columns = (torch.arange(width) % 2).expand(height, width)
    flat = [torch.full((height, width), level) for level in (0.0, 0.25, 0.5, 0.75, 1.0)]
    patterns = torch.stack([*flat, rows, columns, (rows + columns) % 2]).to(like.dtype)
    return patterns[:, None].expand(-1, like.shape[1], -1, -1)


def _inverted_corner(images: Tensor) -> Tensor:
    height, width = images.shape[-2:]
    changed = images.clone()
    corner = changed[..., : max(1, height // 5), : max(1, width // 5)]
    corner.copy_(1 - corner)
    return changed


def _inverted_rim(images: Tensor) -> Tensor:
    changed = 1 - images
    changed[..., 1:-1, 1:-1] = images[..., 1:-1, 1:-1]
    return changed


def _inverse_of(evaluator: Evaluator, word: Word) -> Word | None:
    """A word that undoes this one by the laws other than those that say that there is none."""
    laws = [law for law in evaluator.catalog.premises if law.kind != "singular"]
    found = queries.inverse(complete(Presentation.around([word], laws)).exact, word)
    # spelt with a formal inverse it would rest on the very law in question
    if found.word is None or found.kind == "left" or any(exponent < 0 for _, exponent in found.word.syllables):
        return None
    return found.word


def _largest(evaluator: Evaluator, lhs: Word, rhs: Word) -> float:
    """Largest difference of a pixel between two words."""
    left, right = evaluator.symbols(lhs), evaluator.symbols(rhs)
    return max(
        float(differences(evaluator.apply(number, left), evaluator.apply(number, right), "max").max())
        for number in range(len(evaluator.batches))
    )
