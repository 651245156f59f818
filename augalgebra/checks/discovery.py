"""Finding the relations between augmentations by applying them until nothing new appears."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from augalgebra.algebra.conditions import holding_for
from augalgebra.algebra.froidure_pin import Closure, ExactFinder, Finder, ToleranceFinder, close
from augalgebra.algebra.group_names import identify
from augalgebra.algebra.laws import Law
from augalgebra.algebra.rewriting.short_presentations import relations
from augalgebra.algebra.words import Word, product
from augalgebra.catalog import Catalog
from augalgebra.checks.evaluation import Evaluator, Symbols
from augalgebra.checks.law_checker import LawChecker
from augalgebra.checks.probe_images import blob_images, glyph_images, index_image, noise_images
from augalgebra.checks.probes import LEAST, Probe, numbers_in, probe_sizes, standard_probes, suited_probes
from augalgebra.checks.results import LawResult
from augalgebra.checks.tolerances import MOVED_APPROXIMATE, exact_tolerance
from augalgebra.errors import AugalgebraError, ImageError, ParameterError
from augalgebra.notebooks import render_table

DEFAULT_MAX_ELEMENTS = 1000
MAX_ROUNDS = 3
"""How often more images are taken when those at hand cannot tell elements apart."""
MAX_PROVED = 64
"""Longest relation that is looked for among what the declared laws imply."""


@dataclass(frozen=True)
class Discovery:
    """What some augmentations generate, found by applying them to images.

    Attributes:
        generators: The words that were applied.
        height: Height of the images.
        width: Their width.
        closure: The monoid they generate; its element 0 is the identity.
        elements: The shortlex-least word of each element in the generators.
        relations: Equations from which all others follow, with the pictures that they are for.
        only_here: Those of the relations that do not hold for pictures of other sizes.
        group: Name of the group; None if it is none, has no name here, or the closure is not complete.
        exact: Whether the images are only permuted, so that elements were told apart bit by bit.
        false: Declared laws about these augmentations that do not hold on the images.
        undeclared: The relations that do not follow from the declared laws, other than those that hold only here.
    """

    generators: tuple[Word, ...]
    height: int
    width: int
    closure: Closure
    elements: tuple[Word, ...]
    relations: tuple[Law, ...]
    group: str | None
    exact: bool
    false: tuple[LawResult, ...]
    undeclared: tuple[Law, ...]
    only_here: frozenset[Law] = frozenset()

    def _repr_html_(self) -> str:
        about = self.group or (f"{self.order} elements" if self.complete else f"at least {self.order} elements")
        new = set(self.undeclared)
        rows = [(str(law), "does not follow" if law in new else "follows") for law in self.relations]
        return render_table(["relation", "from what is declared"], rows, about)

    @property
    def order(self) -> int:
        """Number of elements; a lower limit where the closure is not complete."""
        return self.closure.order

    @property
    def complete(self) -> bool:
        """Whether nothing new appears, and the products fit together."""
        return self.closure.complete and self.closure.consistent

    @property
    def abelian(self) -> bool | None:
        """Whether all generators commute; None where that stayed open."""
        return self.closure.abelian

    @property
    def reason(self) -> str:
        """Why it is not complete; empty if it is."""
        if not self.closure.complete:
            return f"stopped at {self.closure.bound} elements"
        if not self.closure.consistent:
            return "the products do not fit together: some elements differ by little more than the tolerance"
        return ""

    def to_dict(self, catalog: Catalog) -> dict[str, Any]:
        """Plain data for JSON, with names as the catalog shows them."""
        complete = self.complete
        return {
            "generators": [catalog.display(word) for word in self.generators],
            "size": [self.height, self.width],
            "order": self.order,
            "complete": complete,
            "reason": self.reason,
            "abelian": self.abelian,
            "group": self.group,
            "elements": [catalog.display(word) for word in self.elements],
            "relations": [_text(catalog, law) for law in self.relations],
            "only_here": [_text(catalog, law) for law in self.relations if law in self.only_here],
            "table": self.closure.table.tolist() if complete else None,
            "false": [result.to_dict() for result in self.false],
            "undeclared": [_text(catalog, law) for law in self.undeclared],
        }


def discover(
    catalog: Catalog,
    words: Iterable[str | Word],
    *,
    height: int = 28,
    width: int | None = None,
    channels: int = 1,
    max_elements: int = DEFAULT_MAX_ELEMENTS,
    tolerance: float | None = None,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
) -> Discovery:
    """Apply augmentations to images without symmetries until nothing new appears.

    What is found is tried on images of other sizes, and with other borders, as well: a relation may hold for square
    pictures only, or at the size asked for only, as that of a shift by one pixel does.

    Args:
        catalog: Where the augmentations are.
        words: The generators; any words without random parameters, such as ``roll(1, 0)``.
        height: Height of the images.
        width: Width of the images; the same as the height by default.
        channels: Their channels.
        max_elements: Where to stop if there is no end.
        tolerance: Elements whose results on smooth images differ by less (root mean square) count as one; by default
            elements are told apart to the last bit where pixels are only permuted, and to rounding errors otherwise.
        seed: Seed of the images.
        dtype: Floating-point type of the images.

    Raises:
        AugalgebraError: A word cannot be resolved, has random parameters, or cannot be applied to such images.

    Examples:
        >>> from augalgebra import load_catalog
        >>> discover(load_catalog(), ["flip_lr", "rotate_cw"]).group
        'D4'
    """
    generators = tuple(catalog.word(word) for word in words)
    size = (channels, height, height if width is None else width)
    suited = suited_probes(catalog, generators, dtype=dtype)
    probes = _probes(size, seed, dtype, smooth=tolerance is not None) if suited is None else suited[0]
    if not probes:
        raise AugalgebraError("no probe images suit all of these augmentations; discover the relations of fewer")
    if suited is not None:
        size = _size_of(probes[0])
    evaluator = Evaluator(catalog, probes)
    spelt_out = [_applicable(evaluator, word, size) for word in generators]
    exact = tolerance is None and all(_permutes(evaluator, symbols) for symbols in spelt_out)
    if tolerance is not None:
        _refuse_wide(evaluator, generators, spelt_out, tolerance)

    def act(generator: int, images: Tensor) -> Tensor:
        for symbol in spelt_out[generator]:
            images = evaluator.step(symbol, images)
        return images

    def finder() -> Finder[Tensor]:
        if exact:
            return ExactFinder(_bits)
        if tolerance is None:
            return ToleranceFinder(exact_tolerance(catalog, generators, dtype), _array)
        return ToleranceFinder(tolerance, _array, "rms")

    images = evaluator.batches[0].images
    closure = close(len(generators), act, images, finder(), max_elements=max_elements)
    for _ in range(MAX_ROUNDS):
        if not closure.complete or closure.consistent:
            break
        # elements that agree on all images but differ after a generator: so the generators' images are needed too
        images = torch.cat([images, *(act(generator, images) for generator in range(len(generators)))])
        closure = close(len(generators), act, images, finder(), max_elements=max_elements)
    laws = [_law(generators, *relation, tolerance=tolerance) for relation in relations(closure)]
    wider = _wider(size, numbers_in(generators), seed, dtype) if suited is None else probes
    checker = LawChecker(catalog, wider, seed=seed, alternatives=False, each=False)
    scoped = [(law, _scoped(checker, law)) for law in laws]
    only_here = frozenset(law for law, narrowed in scoped if narrowed is None)
    found = tuple(narrowed or law for law, narrowed in scoped)
    return Discovery(
        generators,
        size[1],
        size[2],
        closure,
        tuple(product(generators[number] for number in word) for word in closure.words),
        found,
        identify(closure.table) if closure.complete and closure.consistent else None,
        exact,
        _false(checker, generators),
        tuple(law for law in found if law not in only_here and not _declared(catalog, law)),
        only_here,
    )


def _size_of(probe: Probe) -> tuple[int, int, int]:
    channels, height, width = probe.images.shape[1:]
    return channels, height, width


def _probes(size: tuple[int, int, int], seed: int, dtype: torch.dtype, *, smooth: bool) -> tuple[Probe, ...]:
    if smooth:
        blobs, glyphs = (make(*size, seed=seed, dtype=dtype) for make in (blob_images, glyph_images))
        return Probe("blobs", blobs, smooth=True), Probe("glyphs", glyphs, smooth=True)
    noise = noise_images(*size, seed=seed, dtype=dtype)
    return Probe("index", index_image(*size, dtype=dtype)), Probe("noise", noise)


def _wider(size: tuple[int, int, int], numbers: Collection[int], seed: int, dtype: torch.dtype) -> tuple[Probe, ...]:
    """Images of the size asked for and of others, simple ones first, with all kinds of borders."""
    channels, height, width = size
    sizes = dict.fromkeys([(height, width), *probe_sizes(max(LEAST, min(height, width)), numbers)[1:]])
    return tuple(
        replace(probe, images=probe.images[:1])
        for each in sizes
        if min(each) >= LEAST
        for probe in standard_probes(channels, *each, seed=seed, dtype=dtype)
    )


def _scoped(checker: LawChecker, law: Law) -> Law | None:
    """The law with the pictures that it is for; None if it fails for some whatever their shape and border."""
    if checker.check(law).verdict != "violated":
        return law
    conditions = checker.conditions_of(law)
    return None if conditions is None else replace(law, conditions=conditions)


def _applicable(evaluator: Evaluator, word: Word, size: tuple[int, int, int]) -> Symbols:
    """The symbols to apply for a generator."""
    catalog = evaluator.catalog
    symbols = evaluator.symbols(word)
    for symbol in symbols:
        augmentation = catalog.resolve(symbol.name)
        if symbol.variables:
            names = ", ".join(sorted(name.rpartition(".")[2] for name in symbol.variables))
            raise ParameterError(
                f"{augmentation.short_name} draws its {names} at random for each image; give a value to discover with"
            )
        if augmentation.shape == "transposed" and size[1] != size[2]:
            raise ImageError(
                f"{augmentation.short_name} exchanges height and width, so that {size[1]}×{size[2]} images cannot be "
                "compared with their results; take a square size"
            )
    return symbols


def _refuse_wide(
    evaluator: Evaluator, generators: Sequence[Word], spelt_out: Sequence[Symbols], tolerance: float
) -> None:
    """A tolerance that makes a generator equal to the identity would find laws that are none."""
    for word, symbols in zip(generators, spelt_out, strict=True):
        moved = float(evaluator.moved(0, symbols, "rms").min())
        if moved < MOVED_APPROXIMATE * tolerance:
            shown = evaluator.catalog.display(word)
            raise ParameterError(
                f"a tolerance of {tolerance:g} is too wide: {shown} moves some images by {moved:.2g} only"
            )


def _permutes(evaluator: Evaluator, symbols: Symbols) -> bool:
    """Whether a word only moves pixels about, and all images alike."""
    before = evaluator.batches[0].images.flatten(1)
    after = evaluator.apply(0, symbols).flatten(1)
    if before.shape != after.shape:
        return False
    # the first image has different pixels, so its result tells where each pixel came from
    values, places = before[0].sort()
    source = places[torch.searchsorted(values, after[0]).clamp(max=len(values) - 1)]
    moved_only = torch.equal(source.sort().values, torch.arange(len(source)))
    return moved_only and torch.equal(before[:, source], after)


def _bits(images: Tensor) -> tuple[torch.Size, bytes]:
    return images.shape, images.numpy().tobytes()


def _array(images: Tensor) -> "np.ndarray[Any, Any]":
    return images.numpy()


def _law(generators: Sequence[Word], lhs: Sequence[int], rhs: Sequence[int], *, tolerance: float | None) -> Law:
    left, right = (product(generators[number] for number in side) for side in (lhs, rhs))
    return Law(left, right, scope="exact" if tolerance is None else "approximate", tolerance=tolerance)


def _false(checker: LawChecker, generators: Sequence[Word]) -> tuple[LawResult, ...]:
    """The declared exact laws that speak of the augmentations in play alone and do not hold."""
    names = {symbol.name for word in generators for symbol in word.symbols}
    laws = [law for law in checker.catalog.laws if law.symbols and {symbol.name for symbol in law.symbols} <= names]
    results = [checker.check(law) for law in laws if law.scope == "exact" and law.is_equation]
    return tuple(result for result in results if result.verdict == "violated")


def _text(catalog: Catalog, law: Law) -> str:
    sign = "=" if law.scope == "exact" else "≈"
    return f"{catalog.display(law.lhs)} {sign} {catalog.display(law.rhs)}{holding_for(law.conditions)}"


def _declared(catalog: Catalog, law: Law) -> bool:
    """Whether a relation follows from the declared laws; one too long to be proved in good time does not."""
    if len(law.lhs) + len(law.rhs) > MAX_PROVED:
        return False
    try:
        found = catalog.equal(law.lhs, law.rhs)
    except AugalgebraError:
        return False
    return found.equal is True and found.conditions <= law.conditions
