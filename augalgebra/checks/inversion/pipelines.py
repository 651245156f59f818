"""Whether a pipeline can be undone, step by step, and undoing it on images and on what was predicted from them.

What the laws say comes first. Where they are silent, inverses are tried on probe images, and pairs of images with one
result are looked for; every answer says which of the two it rests on.
"""

import json
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, TypeAlias, get_args

import torch
from torch import Tensor

from augalgebra.algebra.words import Word
from augalgebra.catalog import Catalog, read_pipeline
from augalgebra.checks.inversion.inverter import Inversion, Inverter, Invertibility
from augalgebra.checks.inversion.undoing import Kind, Places, check_values, find_moving_steps, take_back, trace_back
from augalgebra.errors import AugalgebraError, NotInvertibleError
from augalgebra.hooks import PipelineStep
from augalgebra.plain import pick

Accept = Literal["one-sided", "approximate"]
"""What `undo` makes do with when asked to, beside exact inverses."""
_NEEDED: dict[Invertibility, Accept] = {"right": "one-sided", "lossy": "approximate"}


@dataclass(frozen=True)
class PipelineInversion:
    """Whether a pipeline can be undone.

    Attributes:
        catalog: Where its augmentations are.
        read: Its steps.
        size: Height and width of the probe images.
        seed: Seed of the probe images.
        numbers: The numbers of the steps in the pipeline that they are a part of, from 0; empty if they are all.
    """

    catalog: Catalog = field(repr=False)
    read: tuple[PipelineStep, ...]
    size: int = 28
    seed: int = 0
    numbers: tuple[int, ...] = ()
    _parts: dict[tuple[int, ...], "PipelineInversion"] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def _judged(self) -> tuple[tuple[Inversion, ...], Inversion]:
        inverter = Inverter(self.catalog, self.size, self.seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # libraries warn of colour shifts that do nothing to grey, and of slow ways
            found = tuple(map(inverter.single, self.read))
            only = next((step.size for step in self.read if step.size is not None), None)
            return found, inverter.whole(found, only)

    @property
    def steps(self) -> tuple[Inversion, ...]:
        """Each step on its own."""
        return self._judged[0]

    @property
    def whole(self) -> Inversion:
        """All of them together."""
        return self._judged[1]

    def undo(
        self,
        values: Tensor | Places,
        *,
        kind: Kind = "image",
        size: tuple[int, int] | None = None,
        seed: int = 0,
        ids: Sequence[int] | None = None,
        accept: Collection[Accept] = (),
    ) -> Any:
        """Bring images, or what was predicted from them, back to where they were before the pipeline; see `undo`."""
        if kind not in get_args(Kind):
            raise AugalgebraError(f"there is no kind {kind!r}; there are {', '.join(get_args(Kind))}")
        check_values(values, kind)
        numbers = range(len(values)) if ids is None else ids
        if len(numbers) != len(values):
            raise AugalgebraError(f"there are {len(numbers)} ids for {len(values)} pictures")
        if kind == "boxes" or kind == "points":
            size = size or next((step.size for step in self.read if step.size is not None), None)
            if size is None and any(step.moves is not False for step in self.read):
                raise AugalgebraError(f"{kind} need the size=(height, width) of the pictures before the pipeline")
            size = size or (self.size, self.size)  # nothing depends on it
            return trace_back(self.catalog, self.read, values, kind, size=size, seed=seed, ids=numbers, accept=accept)
        if not isinstance(values, Tensor):
            raise AugalgebraError("expected a tensor")
        height, width = int(values.shape[-2]), int(values.shape[-1])
        if kind == "image":
            return self.catalog.apply(self._inverse(accept, (height, width)), values, seed=seed, ids=ids)
        part = self.part(find_moving_steps(self.catalog, self.read, (height, width), seed, numbers))
        return take_back(self.catalog, part._inverse(accept, (height, width)), values, kind, seed=seed, ids=numbers)

    def geometry(self) -> "PipelineInversion":
        """The same of the steps that move pixels alone, as they are found on the probes: what masks are undone by."""
        return self.part(find_moving_steps(self.catalog, self.read, (self.size, self.size), 0, [0]))

    def part(self, numbers: Sequence[int]) -> "PipelineInversion":
        """The same of some of the steps alone, by their numbers from 0."""
        chosen = tuple(numbers)
        if chosen == tuple(range(len(self.read))):
            return self
        if chosen not in self._parts:
            read = tuple(self.read[number] for number in chosen)
            self._parts[chosen] = PipelineInversion(self.catalog, read, self.size, self.seed, chosen)
        return self._parts[chosen]

    def _inverse(self, accept: Collection[Accept], size: tuple[int, int]) -> Word:
        """What undoes all of it on pictures of this size, to that degree."""
        needed = _NEEDED.get(self.whole.verdict)
        if self.whole.inverse is None or (self.whole.verdict != "exact" and needed not in accept):
            raise NotInvertibleError(self._refusal(needed))
        if "square" in self.whole.conditions and size[0] != size[1]:
            first = next((step for step in self.steps if "square" in step.conditions), self.whole)
            raise NotInvertibleError(
                f"{self._place(first)}{first.name}, can be undone on square pictures only, not on {size[0]}×{size[1]}"
            )
        return self.whole.inverse

    def _place(self, step: Inversion) -> str:
        if step not in self.steps or len(self.read) < 2:
            return ""
        number = self.steps.index(step)
        return f"step {(self.numbers[number] if self.numbers else number) + 1}, "

    def _refusal(self, needed: Accept | None) -> str:
        guilty = next((step for step in self.steps if step.verdict == self.whole.verdict), self.whole)
        what = {
            "right": "has a one-sided inverse only",
            "left": "cannot be undone",
            "lossy": "can be undone approximately only",
            "impossible": "cannot be undone",
        }.get(guilty.verdict, "is not known to have an inverse")
        advice = "" if needed is None else f"; accept {needed!r} by name if that will do"
        return f"{self._place(guilty)}{guilty.name}, {what}: {guilty.reason}{advice}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {**self._data(self.whole), "steps": [self._data(step) for step in self.steps]}

    def _data(self, item: Inversion) -> dict[str, Any]:
        return {
            "name": item.name,
            "word": self.catalog.display(item.word),
            "verdict": item.verdict,
            "inverse": None if item.inverse is None else self.catalog.display(item.inverse),
            "basis": item.basis,
            "reason": self.catalog.shorten(item.reason),
            **pick(item, ("error", "moved", "conditions")),
        }


Pipeline: TypeAlias = str | Word | Sequence[PipelineStep] | Mapping[str, Any]
"""A word, what a plugin can read, such as the path of a saved pipeline, or what was recorded of a picture."""


def invert_pipeline(catalog: Catalog, pipeline: Pipeline, *, size: int = 28, seed: int = 0) -> PipelineInversion:
    """Say whether a pipeline can be undone: exactly, on one side only, nearly, not at all.

    Args:
        catalog: Where the augmentations and their laws are.
        pipeline: A word, what a plugin can read, such as the path of a pipeline that albumentations saved, or what
            its `ReplayCompose` recorded of one picture.
        size: Height and width of the probe images; inverses are tried on larger ones and on rectangles as well.
        seed: Seed of the probe images.

    Raises:
        AugalgebraError: It cannot be read, or a step is no function of the image.

    Examples:
        >>> from augalgebra import load_catalog
        >>> found = invert_pipeline(load_catalog(), "flip_lr * rotate_cw")
        >>> found.whole.verdict, found.catalog.display(found.whole.inverse)
        ('exact', 'flip_lr * rotate_cw')
    """
    return PipelineInversion(catalog, read_steps(catalog, pipeline), size, seed)


def undo(
    catalog: Catalog,
    pipeline: Pipeline | Sequence[Mapping[str, Any]],
    values: Tensor | Places,
    *,
    kind: Kind = "image",
    size: tuple[int, int] | None = None,
    seed: int = 0,
    ids: Sequence[int] | None = None,
    accept: Collection[Accept] = (),
) -> Any:
    """Bring images, or what was predicted from them, back to where they were before a pipeline.

    Parameters that the pipeline drew at random for an image are drawn again from the same seed and id, and undone. To
    undo one pipeline on many batches, keep what `invert_pipeline` returns and call its ``undo``.

    Args:
        catalog: Where the augmentations and their laws are.
        pipeline: The pipeline that was applied; or a list of what `ReplayCompose` recorded, one record for each image.
        values: What it made, or what was predicted from that.
        kind: ``"image"``: a float batch ``[batch, channel, height, width]``; every step is undone. All others follow
            the geometry alone, and steps that only change values are passed over. ``"mask"``: ``[batch, height,
            width]`` or ``[batch, channel, height, width]`` of any type and any number of channels, such as class
            numbers; no value comes about that was not there, but for 0 beyond the rim. ``"logits"``: the same,
            floating-point and interpolated where no pixel is meant exactly. ``"boxes"``: x_min, y_min, x_max, y_max
            in pixels, where the whole picture is 0, 0, width, height. ``"points"``: x, y in pixels, where 0, 0 is the
            middle of the first pixel. Boxes and points are a tensor ``[batch, number, column]`` or a list of one
            tensor for each image; columns behind the coordinates stay as they are.
        size: Height and width of the images before the pipeline; needed for boxes and points, unless it is recorded.
        seed: The seed that the pipeline was applied with.
        ids: The ids that it was applied with; 0, 1, 2, … by default.
        accept: ``"one-sided"`` also takes a word that restores every image although not every image comes about,
            ``"approximate"`` one that restores images nearly, and upright boxes around turned ones.

    Raises:
        NotInvertibleError: Something in it cannot be undone so; the message names the step and the reason. Nothing is
            ever left out.
        AugalgebraError: It cannot be read, or a step is no function of the image.

    Examples:
        >>> import torch
        >>> from augalgebra import load_catalog
        >>> catalog, images = load_catalog(), torch.rand(2, 1, 8, 8)
        >>> moved = catalog.apply("flip_lr * rotate_cw", images)
        >>> bool(torch.equal(undo(catalog, "flip_lr * rotate_cw", moved), images))
        True
        >>> undo(catalog, "flip_lr * invert", torch.tensor([[[0.0, 3]]]), kind="points", size=(6, 8))
        tensor([[[7., 3.]]])
    """
    records = [] if isinstance(pipeline, str | Mapping | Word) else [r for r in pipeline if isinstance(r, Mapping)]
    if not records:
        read: Any = pipeline
        return invert_pipeline(catalog, read).undo(values, kind=kind, size=size, seed=seed, ids=ids, accept=accept)
    if len(records) != len(values):
        raise AugalgebraError(f"there are {len(records)} records for {len(values)} pictures")
    numbers = range(len(values)) if ids is None else ids
    found = [
        undo(catalog, record, values[k : k + 1], kind=kind, size=size, seed=seed, ids=[numbers[k]], accept=accept)
        for k, record in enumerate(records)
    ]
    if not isinstance(values, Tensor):
        return [item for one in found for item in one]
    if len({tuple(one.shape) for one in found}) > 1:
        raise AugalgebraError("the pictures had different sizes before; undo them one by one")
    return torch.cat(found)


def read_steps(catalog: Catalog, pipeline: Pipeline) -> tuple[PipelineStep, ...]:
    """The steps of a pipeline, each a word in full names.

    Raises:
        AugalgebraError: It cannot be read, or a step is no function of the image.
    """
    read = None
    if isinstance(pipeline, Mapping):  # arrays in it are written as lists
        text = json.dumps(pipeline, default=lambda item: item.tolist() if hasattr(item, "tolist") else str(item))
        read = read_pipeline(catalog, text)
        if read is None:
            raise AugalgebraError("no plugin knows this record")
    elif isinstance(pipeline, str):
        read = read_pipeline(catalog, pipeline)
    elif not isinstance(pipeline, Word):
        read = tuple(pipeline)
    if read is None:
        word = catalog.word(pipeline)  # type: ignore[arg-type]  # what is neither text nor a word was taken above
        powers = [Word(((symbol, exponent),)) for symbol, exponent in word.syllables]
        return tuple(PipelineStep(catalog.display(power), power) for power in powers)
    problems = [
        f"step {number}, {step.name}, {step.problem}" for number, step in enumerate(read, start=1) if step.problem
    ]
    if problems:
        raise AugalgebraError(f"this pipeline is no function of the image: {'; '.join(problems)}")
    return tuple(replace(step, word=catalog.word(step.word)) for step in read)
