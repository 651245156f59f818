"""Cached codes moved on the fly, while a model trains on them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import get_worker_info

from augalgebra.algebra.words import Word
from augalgebra.caches.placement import Placement
from augalgebra.errors import FitError, ImageError, ParameterError
from augalgebra.operators.grids.operator import GridOperator
from augalgebra.operators.grids.registry import GridRegistry
from augalgebra.operators.groups.finite_group import FiniteGroup
from augalgebra.operators.operator import Operator
from augalgebra.operators.registry import OperatorRegistry
from augalgebra.seeds import check_seed

BESIDE = ("masks", "crop_ltrb", "boxes", "original_size")
"""What may be moved along with codes."""


class LatentAugment:
    """Moves each code of a batch by a random element of a group.

    It works on any device, with gradients, in the workers of a DataLoader (each draws differently) and inside of what
    `torch.compile` compiled, where it runs as it is. What is drawn depends on the seed alone, and in workers on the
    seed that the loader gives them as well, which is new in each epoch. Give each rank of a distributed run its own
    seed.

    Args:
        registry: Operators of the autoencoder that made the codes: of grids or of vectors.
        group: Augmentations or words that generate the group.
        p: How likely a code is moved, by one of the elements that do something; by default so that all elements, the
            identity among them, are equally likely. ``group=["flip_lr"], p=0.5`` is the flip of every training script.
        seed: Seed of what is drawn.
        scale: What the codes given were multiplied by, ``(code - shift) * scale``: a number, or one for each channel.
        shift: What was subtracted first.
        noise: Whether moved codes get noise as strong as what operators miss. An operator answers the mean of what a
            code may be, and means vary less than the codes that a model shall learn. Families, operators on vectors
            and those that were fitted before it was measured have none.

    Attributes:
        words: The elements, the identity first.

    Raises:
        MissingOperatorError: An element has no operator.
        FitError: The augmentations generate no finite group.
        ParameterError: `p` is no probability.

    Examples:
        ::

            augment = LatentAugment(registry, group=["flip_lr", "rotate_cw"], seed=0)
            codes, words = augment(codes)
            codes, words, moved = augment(codes, masks=masks, crop_ltrb=crops)
    """

    def __init__(
        self,
        registry: GridRegistry | OperatorRegistry,
        group: Sequence[str | Word],
        p: float | None = None,
        seed: int = 0,
        *,
        scale: float | Tensor = 1.0,
        shift: float | Tensor = 0.0,
        noise: bool = True,
    ) -> None:
        if p is not None and not 0 <= p <= 1:
            raise ParameterError(f"p is a probability, from 0 to 1, not {p}")
        self.is_grid = isinstance(registry, GridRegistry)
        self.words = _elements(registry, group)
        count = len(self.words)
        self.p = (count - 1) / count if p is None else p
        check_seed(seed)
        self.seed, self._noise = seed, noise
        self._operators = [_without_source(registry.operator(word)) for word in self.words]
        self._names = [registry.catalog.display(word) for word in self.words]
        self._stride = registry.stride if isinstance(registry, GridRegistry) else 0
        self._scale, self._shift = (_by_channel(item, self.is_grid) for item in (scale, shift))
        self._random: tuple[int | None, np.random.Generator] | None = None
        self._placements = [Placement.of(registry.catalog, word) for word in self.words]

    @torch.compiler.disable  # type: ignore[untyped-decorator]  # drawing is no tensor's work; torch types it not
    def __call__(self, codes: Tensor, **beside: Tensor) -> tuple[Any, ...]:
        """Move a batch, or one code.

        Args:
            codes: ``[batch, channel, height, width]``, or ``[batch, latent]`` with operators on vectors; without the
                batch for one code. Their numbers are not looked at, which a device would have to be waited for.
            beside: What moves along, each for every code: ``masks`` ``[..., height, width]``, as large as the grid or
                as the picture; ``crop_ltrb`` ``[4]``, left, top, right and bottom in pixels of what was encoded;
                ``boxes`` ``[..., 4]``, the same of things in it, cut off at its borders; ``original_size`` ``[2]``,
                width and height.

        Returns:
            The codes; the words drawn, one for each code; and, if there was anything beside them, that by its names.

        Raises:
            ImageError: The codes have other channels, an element exchanges height and width of codes that are not
                square, or a mask has a size that does not belong to the codes.
            ParameterError: Something else is beside them.
        """
        unknown = [name for name in beside if name not in BESIDE]
        if unknown or (beside and not self.is_grid):
            allowed = (
                f"{', '.join(BESIDE)} move along" if self.is_grid else "nothing moves along with codes that are vectors"
            )
            raise ParameterError(f"{next(iter(unknown or beside))} cannot be moved: {allowed}")
        alone = codes.dim() == (3 if self.is_grid else 1)
        if alone:
            codes, beside = codes.unsqueeze(0), {name: item.unsqueeze(0) for name, item in beside.items()}
        elif self.is_grid:
            self._refuse_other_sizes(codes)
        drawn = self._draw(len(codes))
        moved, along = self._move(codes, drawn, beside)
        words = [self.words[number] for number in drawn]
        if alone:
            moved, along = moved[0], {name: item[0] for name, item in along.items()}
        answer = (moved, words[0] if alone else words)
        return (*answer, along) if beside else answer

    def _refuse_other_sizes(self, codes: Tensor) -> None:
        """See that codes that are moved by different elements still fit into one batch."""
        for placement in self._placements:
            size = (
                tuple(codes.shape[-2:])
                if placement.pixels is None
                else placement.pixels.divided(self._stride).size(*codes.shape[-2:])
            )
            if size != tuple(codes.shape[-2:]):
                raise ImageError(
                    f"{placement.label} makes codes of {size[0]}×{size[1]} of those of {codes.shape[-2]}×"
                    f"{codes.shape[-1]}, which do not fit into one batch; give square codes, or a group without it, "
                    "such as flip_lr, flip_ud"
                )

    def _move(
        self, codes: Tensor, drawn: Sequence[int], beside: Mapping[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        parts: dict[str, list[Tensor]] = {name: [] for name in ("", *beside)}
        order: list[int] = []
        for number in sorted(set(drawn)):
            rows = [row for row, element in enumerate(drawn) if element == number]
            order += rows
            index = torch.tensor(rows, device=codes.device)
            parts[""].append(self._apply(codes[index], number))
            for name, item in beside.items():
                of_these = item[index.to(item.device)]
                parts[name].append(self._apply_beside(name, of_these, number, codes))
        back = torch.tensor(order).argsort()
        joined = {name: torch.cat(items)[back.to(items[0].device)] for name, items in parts.items() if items}
        return joined.pop("", codes), joined or dict(beside)

    def _apply(self, codes: Tensor, number: int) -> Tensor:
        operator = self._operators[number]
        if isinstance(operator, GridOperator) and (codes.dim() != 4 or codes.shape[1] != operator.channels):
            raise ImageError(
                f"{operator.label} acts on codes [batch, {operator.channels}, height, width], not {list(codes.shape)}; "
                "they belong to another autoencoder"
            )
        if operator.is_identity:
            return codes
        scale, shift = (
            item.to(codes.device) if isinstance(item, Tensor) else item for item in (self._scale, self._shift)
        )
        raw = codes.float() / scale + shift
        if isinstance(operator, GridOperator):
            moved = operator.move(raw, self._source_of_noise(raw.device) if self._noise else None)
        else:
            moved = operator.apply(raw)
        return ((moved - shift) * scale).to(codes.dtype)

    def _apply_beside(self, name: str, item: Tensor, number: int, codes: Tensor) -> Tensor:
        placement = self._placements[number]
        height, width = (side * self._stride for side in codes.shape[-2:])
        if name == "original_size":
            return item.flip(-1) if placement.transposed else item
        if name != "masks":
            return placement.move_boxes(item, height, width)
        if item.shape[-2:] == codes.shape[-2:]:
            return placement.move(item, self._stride)
        if item.shape[-2:] != (height, width):
            raise ImageError(
                f"masks of {item.shape[-2]}×{item.shape[-1]} do not belong to codes of {codes.shape[-2]}×"
                f"{codes.shape[-1]}; they must be so large, or {height}×{width}"
            )
        return placement.move(item)

    def _chance(self) -> np.random.Generator:
        worker = get_worker_info()
        own = None if worker is None else worker.seed
        if self._random is None or self._random[0] != own:
            self._random = own, np.random.default_rng([self.seed] if own is None else [self.seed, own])
        return self._random[1]

    def _source_of_noise(self, device: torch.device) -> torch.Generator:
        return torch.Generator(device).manual_seed(int(self._chance().integers(1 << 63)))

    def _draw(self, count: int) -> list[int]:
        generator = self._chance()
        moved = generator.random(count) < self.p
        elements = generator.integers(1, max(2, len(self.words)), count)
        return [
            int(element) if move and len(self.words) > 1 else 0 for element, move in zip(elements, moved, strict=True)
        ]

    def __repr__(self) -> str:
        known = all(isinstance(operator, GridOperator) and operator.has_noise for operator in self._operators)
        return (
            f"LatentAugment({len(self.words)} elements: {', '.join(self._names)}; p={self.p:.3g}, seed={self.seed}, "
            f"{'with' if self._noise and known else 'without'} noise)"
        )


def _elements(registry: GridRegistry | OperatorRegistry, group: Sequence[str | Word]) -> tuple[Word, ...]:
    if isinstance(group, str):
        raise ParameterError(f"group is a list of augmentations: [{group!r}]")
    if isinstance(registry, GridRegistry):
        return registry.elements(group)
    words = [registry.catalog.word(word) for word in group]
    closure = FiniteGroup.closure(registry.catalog.system(*words).exact, words)
    if closure is None:
        raise FitError(f"{', '.join(registry.catalog.display(word) for word in words)} generate no finite group")
    return closure.elements


def _without_source(operator: GridOperator | Operator) -> GridOperator | Operator:
    """The operator without its registry, which another process needs not."""
    return operator if isinstance(operator, GridOperator) else replace(operator, source=None, _tensors={})


def _by_channel(item: float | Tensor, is_grid: bool) -> float | Tensor:
    if isinstance(item, Tensor) and item.dim() and is_grid:
        return item.detach().reshape(-1, 1, 1)
    return item
