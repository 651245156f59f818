"""Operators on grids of codes: what a registry answers for a word, and what moves the codes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor, nn

from augalgebra.algebra.words import Word
from augalgebra.errors import AugalgebraError, ImageError
from augalgebra.notebooks import render_table
from augalgebra.operators.grids.charts import GridChart
from augalgebra.operators.grids.noise import ResidualNoise

CHUNK = 1 << 16
"""Positions that are moved at once, so that a long batch needs no more memory than a short one."""


class Move(Protocol):
    """What moves positions of a grid and leaves channels alone; see `augalgebra.operators.grids.moves`."""

    def apply(self, grid: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch channel rows columns"]:
        """Move."""


class GridMap(nn.Module):
    """A move of the grid, then a local map of what lies there; either may be missing.

    Args:
        move: Where positions go.
        local: What becomes of channels.
        noise: What both together miss; None if that was not measured.
        chart: Curved coordinates in which both are done; None for the codes as they are.
    """

    def __init__(
        self,
        move: Move | None = None,
        local: nn.Module | None = None,
        noise: ResidualNoise | None = None,
        chart: GridChart | None = None,
    ) -> None:
        super().__init__()
        self.move, self.local, self.noise, self.chart = move, local, noise, chart
        self.eval().requires_grad_(requires_grad=False)

    def forward(
        self, codes: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch channel rows columns"]:
        """Move codes, in the type of the map's weights."""
        moved = codes if self.chart is None else self.chart(codes)
        moved = moved if self.move is None else self.move.apply(moved)
        moved = moved if self.local is None else self.local(moved)
        return moved if self.chart is None else self.chart.inverse(moved)


@dataclass(frozen=True, eq=False)
class GridOperator:
    """A map on grids of codes that stands for a word.

    Attributes:
        channels: Channels of a code.
        word: The word that was asked for.
        label: What to call it.
        maps: The maps in order of application; none for the identity.
        stale: Why it should not be trusted any more, one line for each reason.

    Examples:
        >>> GridOperator(4, Word(), "id").apply(torch.ones(1, 4, 2, 2)).shape
        torch.Size([1, 4, 2, 2])
    """

    channels: int
    word: Word
    label: str
    maps: tuple[GridMap, ...] = ()
    stale: tuple[str, ...] = ()

    @property
    def is_identity(self) -> bool:
        """Whether it does nothing at all."""
        return not self.maps

    @property
    def has_noise(self) -> bool:
        """Whether it is known of all maps what they miss."""
        return all(item.noise is not None for item in self.maps)

    def apply(
        self, codes: Float[Tensor, "batch channel height width"], generator: torch.Generator | None = None
    ) -> Float[Tensor, "batch channel rows columns"]:
        """Move codes.

        Args:
            codes: Raw codes of any size, floating type and device; computed in float32, on that device.
            generator: Source of noise as strong as what the maps miss, so that moved codes vary as those of an encoder
                do; None for none.

        Returns:
            The moved codes, in the same type; the very same tensor for the identity.

        Raises:
            ImageError: They have other channels, or are not finite before, or after in their own type.
            AugalgebraError: The grid has a size that the word cannot act on.
        """
        if codes.dim() != 4 or codes.shape[1] != self.channels:
            raise ImageError(
                f"{self.label} acts on codes [batch, {self.channels}, height, width], not {list(codes.shape)}; "
                "they belong to another autoencoder"
            )
        if self.is_identity:
            return codes
        if not bool(torch.isfinite(codes).all()):
            raise ImageError(f"{self.label} cannot move codes that are NaN or infinite; encode these pictures again")
        moved = self.move(codes, generator)
        if not bool(torch.isfinite(moved).all()):
            if bool(torch.isfinite(self.move(codes.float())).all()):
                kind = str(codes.dtype).removeprefix("torch.")
                raise ImageError(f"codes moved by {self.label} are too large for {kind}; move them in float32")
            raise ImageError(f"codes moved by {self.label} are not finite; are these codes of this autoencoder?")
        return moved

    def move(
        self, codes: Float[Tensor, "batch channel height width"], generator: torch.Generator | None = None
    ) -> Float[Tensor, "batch channel rows columns"]:
        """The same as `apply` without a look at the numbers, which a device would have to be waited for."""
        if self.is_identity or not len(codes):
            return codes
        held = max(1, CHUNK // max(1, codes[0, 0].numel()))
        return torch.cat([self._moved(part, generator) for part in torch.split(codes, held)])

    def _moved(self, codes: Tensor, generator: torch.Generator | None) -> Tensor:
        moved = codes.float()
        for item in self.maps:
            moved = item.to(codes.device)(moved)
            if generator is not None and item.noise is not None:
                moved = moved + item.noise.draw(moved, generator)
        return moved.to(codes.dtype)

    def __matmul__(self, other: "GridOperator") -> "GridOperator":
        """This operator first, then the other; nothing is simplified.

        Raises:
            AugalgebraError: They act on different numbers of channels.
        """
        if self.channels != other.channels:
            raise AugalgebraError(
                f"{self.label} acts on {self.channels} channels and {other.label} on {other.channels}; "
                "operators of different latent spaces do not compose"
            )
        return GridOperator(
            self.channels,
            self.word * other.word,
            f"{self.label} * {other.label}",
            self.maps + other.maps,
            tuple(dict.fromkeys(self.stale + other.stale)),
        )

    def _repr_html_(self) -> str:
        row = (self.label, self.channels, weights_in(self.maps), "; ".join(self.stale))
        return render_table(["operator", "channels", "weights", "stale"], [row])


def weights_in(maps: Sequence[nn.Module]) -> int:
    """Numbers that maps have learned, those that several share counted once."""
    return sum({id(item): item.numel() for layer in maps for item in layer.parameters()}.values())
