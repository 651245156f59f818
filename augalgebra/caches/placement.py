"""Where things in a picture lie after a word: masks, crops, boxes, and which side is the height."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from augalgebra.algebra.words import Word
from augalgebra.catalog import Catalog
from augalgebra.errors import GridMoveError, ImageError
from augalgebra.operators.grids.moves import AxisMove, GridMove
from augalgebra.operators.grids.resampling import find_nearest_move


@dataclass(frozen=True)
class Placement:
    """What a word does to the places of things in a picture, read off what it does to pixels.

    Attributes:
        pixels: The move of pixels; None if they are not moved whole.
        label: The word, as people write it.
    """

    pixels: GridMove | None
    label: str

    @classmethod
    def of(cls, catalog: Catalog, word: Word) -> "Placement":
        """What a word does; colours, blurs and the like leave things in their places.

        Raises:
            AugalgebraError: The word cannot be applied.
        """
        try:
            move = find_nearest_move(catalog, word, 1).move
        except GridMoveError:
            return cls(None, catalog.display(word))
        return cls(move if isinstance(move, GridMove) else None, catalog.display(word))

    @property
    def transposed(self) -> bool:
        """Whether height and width are exchanged."""
        return self.pixels is not None and self.pixels.transpose

    def move(self, mask: Shaped[Tensor, "*batch height width"], cell: int = 1) -> Shaped[Tensor, "*batch rows columns"]:
        """Move a mask.

        Args:
            mask: What there is at each pixel, or at each square of pixels.
            cell: The side of such a square, in pixels.

        Raises:
            ImageError: Pixels or squares are not moved whole.
            GridMoveError: The word does not act on pictures of this size.
        """
        batch = mask.reshape(-1, 1, *mask.shape[-2:])
        moved = self._whole().divided(cell).apply(batch)
        return moved.reshape(*mask.shape[:-2], *moved.shape[-2:])

    def move_boxes(
        self, boxes: Float[Tensor, "*batch 4"], height: int, width: int, *, cut: bool = True
    ) -> Float[Tensor, "*batch 4"]:
        """Move boxes (left, top, right, bottom).

        Args:
            boxes: In pixels.
            height: Of the picture before, in pixels.
            width: Of the picture before.
            cut: Whether to cut them off at the borders of the picture.

        Raises:
            ImageError: Pixels are not moved whole, or leave at one border and enter at another, where no box follows.
            GridMoveError: The word does not act on pictures of this size.
        """
        move = self._whole()
        move.size(height, width)
        left, top, right, bottom = boxes.unbind(-1)
        sides = (
            ((left, right, width), (top, bottom, height))
            if move.transpose
            else ((top, bottom, height), (left, right, width))
        )
        top, bottom = self._along(move.rows, *sides[0], cut=cut)
        left, right = self._along(move.columns, *sides[1], cut=cut)
        return torch.stack([left, top, right, bottom], dim=-1)

    def _along(self, axis: AxisMove, first: Tensor, last: Tensor, size: int, *, cut: bool) -> tuple[Tensor, Tensor]:
        """Both ends of something along an axis of the result."""
        start, length = axis.window(size)
        if start + length > size:
            raise ImageError(
                f"{self.label} lets pixels leave at one border and enter at another; no box or crop follows"
            )
        ends = (start + length - last, start + length - first) if axis.reverse else (first - start, last - start)
        return (ends[0].clamp(0, length), ends[1].clamp(0, length)) if cut else ends

    def _whole(self) -> GridMove:
        if self.pixels is None:
            raise ImageError(
                f"{self.label} does not move pixels whole, so that no mask, box or crop can follow exactly"
            )
        return self.pixels
