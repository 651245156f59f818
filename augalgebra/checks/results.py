"""What a check of laws found, as data."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from augalgebra.algebra.laws import Law
from augalgebra.checks.probes import ProbeFailure
from augalgebra.errors import AugmentationError, ImageError
from augalgebra.isolation import raised_by_statement
from augalgebra.notebooks import render_table
from augalgebra.plain import PlainData

Verdict = Literal["holds", "violated", "vacuous", "trivial", "not checked"]
"""On a law on images, or on a word in a latent space: ``vacuous`` tells nothing since next to nothing is moved, and
``trivial`` is a word that the laws reduce to doing nothing."""


@dataclass(frozen=True)
class Counterexample(PlainData):
    """The simplest image and parameters at which the two sides differ.

    Attributes:
        equation: The law at these parameters.
        parameters: The variables' values, as text.
        probe: Name of the probe.
        image: Number of the image in the probe.
        size: Its height and width.
        error: How far the sides are apart on this image, measured as for the law.
        sizes: Height and width of the two sides, if they differ in size.
        pixel: Channel, row and column where they differ most; None if they differ in size.
        lhs: The left side's value there.
        rhs: The right side's value there.
    """

    equation: str
    parameters: Mapping[str, str]
    probe: str
    image: int
    size: tuple[int, int]
    error: float
    sizes: tuple[tuple[int, int], tuple[int, int]] | None = None
    pixel: tuple[int, int, int] | None = None
    lhs: float = math.nan
    rhs: float = math.nan
    in_json = "equation", "parameters", "probe", "image", "size", "error", "pixel", "lhs", "rhs"

    def __str__(self) -> str:
        where = f"{self.equation} fails on {self.probe}[{self.image}] of {_size(self.size)} pixels"
        if self.sizes is not None:
            left, right = map(_size, self.sizes)
            return f"{where}: the left side has {left} pixels and the right side {right}"
        if self.pixel is None:
            return where
        channel, row, column = self.pixel
        place = f"row {row}, column {column}" + (f", channel {channel}" if channel else "")
        return f"{where}: at {place} the left side is {self.lhs:.4g} and the right side {self.rhs:.4g}"


@dataclass(frozen=True)
class Alternative(PlainData):
    """What holds instead of a law that does not.

    Attributes:
        text: One line for people.
        equation: The equation that holds; None if none was found within the bound.
        error: Its error, if it holds approximately only.
    """

    text: str
    equation: str | None = None
    error: float | None = None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class LawResult(PlainData):
    """The verdict on one law.

    Attributes:
        law: The law.
        equation: It as text for people.
        verdict: ``vacuous`` if no image was moved enough for the law to tell anything.
        reason: Why it was not checked or is vacuous, or what makes it violated beyond the counterexample.
        error: Largest error over all images and parameters: of a pixel for exact laws, root mean square for
            approximate ones; None if nothing was compared.
        moved: How far the augmentations in the law displace the image that they displace most, in the same measure;
            of several, the one that displaces least counts.
        n: How many images times parameter values were compared.
        tolerance: Largest error at which the law holds.
        counterexample: The simplest, if violated.
        alternative: What holds instead, if violated and looked for.
        failed: Whether it was not checked because an augmentation failed, which is never a pass. One that refuses
            images on purpose, by a `ValueError`, has not failed.
        holds_at: If violated, the heights and widths at which no difference was found.
    """

    law: Law
    equation: str
    verdict: Verdict
    reason: str = ""
    error: float | None = None
    moved: float | None = None
    n: int = 0
    tolerance: float | None = None
    counterexample: Counterexample | None = None
    alternative: Alternative | None = None
    failed: bool = False
    holds_at: tuple[tuple[int, int], ...] = ()

    level: Literal["pixel"] = "pixel"
    in_json = (
        *("augmentation", "law.kind as law", "equation", "law.scope as scope", "law.conditions as conditions", "level"),
        *("verdict", "error", "moved", "n", "tolerance", "reason", "failed", "counterexample", "holds_at"),
        "alternative",
    )

    @property
    def augmentation(self) -> str:
        """Who declared the law: an augmentation's full name, or a plugin's."""
        return self.law.owner


@dataclass(frozen=True)
class LawReport(PlainData):
    """The verdicts on many laws.

    Attributes:
        results: One for each law.
        probe_failures: Contributed probes that could not be used.
    """

    results: tuple[LawResult, ...]
    probe_failures: tuple[ProbeFailure, ...] = ()
    in_json = "results", "violated", "failed", "passed", "probe_failures"

    @property
    def violated(self) -> int:
        """How many laws are violated."""
        return self.count("violated")

    @property
    def failed(self) -> int:
        """How many laws could not be checked because an augmentation failed."""
        return sum(result.failed for result in self.results)

    @property
    def passed(self) -> bool:
        """Whether no law is violated or could not be checked because an augmentation failed, and some were checked.

        Where there are no laws, nothing is wrong with them.
        """
        checked = len(self.results) - self.count("not checked")
        return not (self.violated or self.failed) and (checked > 0 or not self.results)

    def _repr_html_(self) -> str:
        rows = [
            (r.equation, r.verdict, r.error, r.moved, r.n, str(r.counterexample or r.reason), str(r.alternative or ""))
            for r in self.results
        ]
        caption = f"{self.count('holds')} of {len(rows)} laws hold"
        return render_table(["law", "verdict", "error", "moved", "n", "why", "what holds instead"], rows, caption)

    def count(self, verdict: Verdict) -> int:
        """How many laws got this verdict."""
        return sum(result.verdict == verdict for result in self.results)


def sizes_text(sizes: Iterable[tuple[int, int]]) -> str:
    """Sizes of pictures for people."""
    return f"{' and '.join(map(_size, sizes))} pixels"


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}×{size[1]}"


def is_failure(error: Exception) -> bool:
    """Whether an augmentation failed, rather than refusing images on purpose by a `ValueError` or `ImageError`."""
    cause = error.__cause__
    refused = isinstance(cause, ValueError | ImageError) and raised_by_statement(cause)
    return isinstance(error, AugmentationError) and not refused
