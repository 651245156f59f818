"""Pipelines of augmentations, and what their algebra makes of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from augalgebra.algebra.rewriting.proofs import Proof
from augalgebra.algebra.words import Letter, Word, product
from augalgebra.catalog import Catalog, load_catalog
from augalgebra.checks.inversion.pipelines import read_steps
from augalgebra.errors import AugalgebraError, ImageError
from augalgebra.hooks import PipelineStep
from augalgebra.pipelines.maps import CLOSE
from augalgebra.pipelines.reduction import Reducer, Reduction
from augalgebra.pipelines.stages import Read, Stage, group, read_letter

REASONS = {
    "permutation": "each moves whole pixels, so that all of them do",
    "interpolation": "each is an affine map of places; what leaves the picture on the way stays lost",
    "values": "each is clamp(a x + b, low, high), and so are they together, clipping included",
}
"""Why the parts of a stage may be carried out at once, by its kind."""
TRIED = 4
"""Pictures of the size of the images on which it is seen what an augmentation does there."""
SCOPES = {"permutation": "exact", "interpolation": "within interpolation", "values": "exact"}
"""How well a stage agrees with its parts one by one: ``exact`` is up to rounding."""


class Pipeline:
    """Augmentations, one after the other.

    Args:
        steps: Words, as text or not, or steps that a plugin has read; or one text that `invert_pipeline` could read,
            such as the path of a pipeline that albumentations saved.
        catalog: Where the augmentations are; those that are installed and registered by default.

    Raises:
        AugalgebraError: It cannot be read, or a step is no function of the image.

    Examples:
        >>> import torch
        >>> pipeline = Pipeline(["flip_lr", "brightness(0.2)", "flip_lr", "contrast(2)"])
        >>> fused = pipeline.fuse(8)
        >>> [(stage.kind, fused.display(stage)) for stage in fused.stages]
        [('values', 'brightness(0.2) * contrast(2)')]
        >>> images = torch.rand(2, 3, 8, 8)
        >>> bool(torch.allclose(fused(images), pipeline(images), atol=1e-6))
        True
    """

    def __init__(self, steps: str | Word | Sequence[str | Word | PipelineStep], catalog: Catalog | None = None) -> None:
        self.catalog = load_catalog() if catalog is None else catalog
        parts = list(steps) if isinstance(steps, Iterable) and not isinstance(steps, str | Word) else [steps]
        for number, part in enumerate(parts, start=1):
            if not isinstance(part, str | Word | PipelineStep):
                raise AugalgebraError(f"step {number} is {part!r:.60}; steps are words, such as 'flip_lr * rotate(30)'")
        read = [read_steps(self.catalog, [part] if isinstance(part, PipelineStep) else part) for part in parts]
        self.steps = tuple(step for several in read for step in several)
        self.word = product(step.word for step in self.steps)

    def __call__(self, images: Tensor, *, seed: int = 0, ids: Sequence[int] | None = None) -> Tensor:
        """Apply every step; see `augalgebra.Catalog.apply`."""
        return self.catalog.apply(self.word, images, seed=seed, ids=ids)

    def fuse(self, size: int | tuple[int, int], *, channels: int = 3, exact: bool = False) -> "FusedPipeline":
        """Reduce it by exact laws, and carry out at once what can be.

        Args:
            size: Height and width of the images, or the side of squares.
            channels: Channels of the images.
            exact: Leave every interpolation as it is, so that the result is the same up to rounding.

        Raises:
            AugalgebraError: It cannot be applied to such images, or has the inverse of what has none; or there are no
                such images.
        """
        sides = size if isinstance(size, Sequence) else (size, size)
        if len(sides) != 2 or not all(type(side) is int and side > 0 for side in sides):
            raise ImageError(f"images have a height and a width from 1, such as 64 or (48, 64), not {size!r:.60}")
        if channels not in (1, 3):
            raise ImageError(f"images have 1 or 3 channels, not {channels!r:.60}")
        return _fuse(self, (sides[0], sides[1]), int(channels), exact)


@dataclass(frozen=True)
class Change:
    """One step of the reduction.

    Attributes:
        before: What stood there, as people write it.
        after: What stands there now.
        reason: The law, or why several steps can be carried out at once.
        declared_by: The plugins that declared the law; empty if it was read off images.
        checked: Whether all of that was seen on images.
        scope: ``exact`` (up to rounding) or ``within interpolation``.
    """

    before: str
    after: str
    reason: str
    declared_by: tuple[str, ...] = ()
    checked: bool = True
    scope: str = "exact"


@dataclass(frozen=True)
class FusedPipeline:
    """A pipeline reduced for images of one size.

    Attributes:
        pipeline: What it was made of.
        size: Height and width of the images.
        channels: Their channels.
        reduction: What laws made of it.
        stages: What is carried out.
    """

    pipeline: Pipeline
    size: tuple[int, int]
    channels: int
    reduction: Reduction = field(repr=False)
    stages: tuple[Stage, ...]

    def __call__(self, images: Tensor, *, seed: int = 0, ids: Sequence[int] | None = None) -> Tensor:
        """Apply it. Everything random is drawn as the unreduced pipeline draws it from the same seed and ids.

        Args:
            images: Float batch ``[batch, channel, height, width]`` in [0, 1], of the size that it is for.
            seed: Seed of everything drawn at random.
            ids: Numbers of the images in their data set; 0, 1, 2, … by default.

        Raises:
            ImageError: The images have another size.
        """
        if tuple(getattr(images, "shape", ()))[1:] != (self.channels, *self.size):
            height, width = self.size
            raise ImageError(
                f"this pipeline was reduced for images of {self.channels}×{height}×{width}, not for a batch of shape "
                f"{tuple(getattr(images, 'shape', ()))}; reduce it for these with fuse((height, width), channels=…)"
            )
        numbers = range(len(images)) if ids is None else ids
        result = self.pipeline.catalog.apply("id", images, ids=numbers)  # looks at both
        for stage in self.stages:
            result = stage.apply(self.pipeline.catalog, result, seed, numbers)
        return result.clone() if result is images else result

    @property
    def proof(self) -> Proof:
        """What the laws did, from the pipeline to the reduced word; each was tried on images, none violated."""
        return self.reduction.proof

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """Everything that was done, and why: laws first, then what is carried out at once."""
        display, changes = self.pipeline.catalog.display, []
        for step in self.proof.steps:
            laws = [*getattr(step.law, "laws", [step.law]), *step.keeping]
            who = tuple(dict.fromkeys(law.plugin or law.owner for law in laws))
            reason = self.pipeline.catalog.shorten(step.text)
            changes.append(
                Change(display(step.before), display(step.after), reason, who, self.reduction.checked.issuperset(laws))
            )
        for stage in self.stages:
            if stage.kind != "step":
                after = f"one {'map of values' if stage.kind == 'values' else stage.kind}"
                changes.append(Change(self.display(stage), after, REASONS[stage.kind], scope=SCOPES[stage.kind]))
        return tuple(changes)

    @property
    def scope(self) -> str:
        """``exact`` if it gives what the pipeline gives, up to rounding; else ``within interpolation``."""
        return "within interpolation" if any(stage.kind == "interpolation" for stage in self.stages) else "exact"

    def display(self, stage: Stage) -> str:
        """What a stage does, as people write it."""
        return self.pipeline.catalog.display(stage.word)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        catalog = self.pipeline.catalog
        return {
            "steps": [step.name for step in self.pipeline.steps],
            "word": catalog.display(self.pipeline.word),
            "reduced": catalog.display(product(stage.word for stage in self.stages)),
            "size": list(self.size),
            "scope": self.scope,
            "stages": [
                {
                    "kind": stage.kind,
                    "word": self.display(stage),
                    "drawn": stage.drawn,
                    "matrix": None if stage.matrix is None else stage.matrix.tolist(),
                    "values": None if stage.values is None else _numbers(stage.values),
                }
                for stage in self.stages
            ],
            "changes": [
                {
                    "before": change.before,
                    "after": change.after,
                    "reason": change.reason,
                    "declared_by": list(change.declared_by),
                    "checked": change.checked,
                    "scope": change.scope,
                }
                for change in self.changes
            ],
            "refused": [
                {"law": catalog.display(law), "declared_by": law.plugin or law.owner, "reason": catalog.shorten(reason)}
                for law, reason in self.reduction.refused
            ],
        }


def _fuse(pipeline: Pipeline, size: tuple[int, int], channels: int, exact: bool) -> FusedPipeline:
    reader = _Reader(pipeline.catalog, channels)
    # laws are of pictures in [0, 1]: behind what leaves that, as normalizing does, clipping does something else
    tame, wild = reader.cut(pipeline.word, size)
    reducer = Reducer(pipeline.catalog.for_size(*size))
    reduction = reducer.reduce(tame)
    letters, proof = _gather(reducer, reduction, reader.read(reduction.word, size))
    word = Word.from_letters((*letters, *pipeline.catalog.spelt_out(wild).letters))
    proof = _lift(proof, (), wild.letters)
    done = Reduction(word, proof, frozenset(reducer.checked), tuple(reducer.refused.items()))
    return FusedPipeline(pipeline, size, channels, done, group(reader.read(word, size), exact=exact))


class _Reader:
    """Reads off images what letters do, each once for each size of images."""

    def __init__(self, catalog: Catalog, channels: int) -> None:
        self._catalog, self._channels = catalog, channels
        self._known: dict[tuple[Letter, tuple[int, int]], tuple[Read, tuple[int, int], bool]] = {}

    def cut(self, word: Word, size: tuple[int, int]) -> tuple[Word, Word]:
        """A word up to the first letter that leads out of [0, 1], and the rest."""
        for number, letter in enumerate(word.letters, start=1):
            for plain in self._catalog.spelt_out(Word.from_letters([letter])).letters:
                _, size, leaves = self._try(plain, size)
                if leaves:
                    return Word.from_letters(word.letters[:number]), Word.from_letters(word.letters[number:])
        return word, Word()

    def read(self, word: Word, size: tuple[int, int]) -> list[Read]:
        """What each letter does, on images of the size that those before it leave; nothing is read off out of [0, 1].

        Args:
            word: The letters, without inverses.
            size: Height and width of the images.
        """
        parts, left = [], False
        for letter in word.letters:
            part, there, leaves = self._try(letter, size)
            parts.append(Read(letter, size) if left else part)
            size, left = there, left or leaves
        return parts

    def _try(self, letter: Letter, size: tuple[int, int]) -> tuple[Read, tuple[int, int], bool]:
        """What a letter does on images of a size, the size that it leaves, and whether it leads out of [0, 1]."""
        if (letter, size) not in self._known:
            noise = torch.rand(
                TRIED, self._channels, *size, generator=torch.Generator().manual_seed(0), dtype=torch.float64
            )
            before = (3 * noise - 1).clamp(0, 1)  # a third of it black, a third white
            after = self._catalog.apply(Word.from_letters([letter]), before.clone())
            leaves = float(after.min()) < -CLOSE or float(after.max()) > 1 + CLOSE
            there = (int(after.shape[2]), int(after.shape[3]))
            self._known[letter, size] = read_letter(self._catalog, letter, before, after), there, leaves
        return self._known[letter, size]


def _gather(reducer: Reducer, reduction: Reduction, parts: Sequence[Read]) -> tuple[list[Letter], Proof]:
    """Bring letters of one kind together, past those that laws exchange them with."""
    letters, proof = [part.letter for part in parts], reduction.proof
    kinds = [part.kind for part in parts]
    if reduction.word != proof.end:  # it has inverses that stand for other words; leave it as it is
        return letters, proof
    for place in range(1, len(letters)):
        start = place
        while start and kinds[start - 1] != kinds[place]:
            start -= 1
        if kinds[place] == "neither" or start in (0, place):
            continue
        swaps = [reducer.commute(letters[number], letters[place]) for number in range(start, place)]
        if any(swap is None for swap in swaps):
            continue
        for number in range(place, start, -1):
            swap = swaps[number - 1 - start]
            if swap is not None:
                proof = proof.then(_lift(swap, letters[: number - 1], letters[number + 1 :]))
            letters[number - 1 : number + 1] = letters[number], letters[number - 1]
            kinds[number - 1 : number + 1] = kinds[number], kinds[number - 1]
    return letters, proof


def _lift(proof: Proof, before: Sequence[Letter], after: Sequence[Letter]) -> Proof:
    """A proof about a part of a word, as one about the word."""

    def whole(word: Word) -> Word:
        return Word.from_letters((*before, *word.letters, *after))

    steps = tuple(
        replace(step, before=whole(step.before), after=whole(step.after), position=step.position + len(before))
        for step in proof.steps
    )
    return Proof(whole(proof.start), whole(proof.end), steps)


def _numbers(values: Any) -> dict[str, Any]:
    return {name: getattr(values, name).flatten().tolist() for name in ("scale", "offset", "low", "high")}
