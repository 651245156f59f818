"""A shear that loses nothing, and a kaleidoscope."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import augalgebra as aa

if TYPE_CHECKING:
    from torch import Tensor


@aa.hookimpl
def augalg_register(register: aa.Register) -> None:
    """Register both."""

    @register(
        "slide",
        additive="step",
        laws=["slide(a) * flip_lr = flip_lr * slide(-a)"],
        params=[
            aa.Param("step", whole=True, draw=aa.integers(1, 5), doc="columns that a row moves beyond the one above")
        ],
    )
    def slide(x: "Tensor", step: "int | Tensor") -> "Tensor":
        """Shift every row cyclically to the right, each by step more than the row above."""
        import torch

        rows = torch.arange(x.shape[2], device=x.device)[:, None]
        columns = torch.arange(x.shape[3], device=x.device)
        return x.gather(3, ((columns - step * rows) % x.shape[3]).expand(x.shape))

    @register(
        "fold",
        inverse="none",
        idempotent=True,
        commutes_with=["flip_ud", "invert"],
        laws=["fold * flip_lr = fold"],
    )
    def fold(x: "Tensor") -> "Tensor":
        """Mirror the left half onto the right."""
        import torch

        left = torch.arange(x.shape[3], device=x.device) < x.shape[3] / 2
        return torch.where(left, x, x.flip(3))


@aa.hookimpl
def augalg_laws() -> list[str]:
    """How slide goes together with the cyclic shifts of another plugin."""
    return ["roll(a, 0) * slide(b) = slide(b) * roll(a, 0)"]


@aa.hookimpl
def augalg_probes() -> "dict[str, Callable[[int, int, int], Tensor]]":
    """A spiral, which no symmetry of the square leaves as it is."""

    def spiral(channels: int, height: int, width: int) -> "Tensor":
        import torch

        down, across = torch.linspace(-1, 1, height)[:, None], torch.linspace(-1, 1, width)
        picture = 0.5 + 0.5 * torch.sin(torch.atan2(down, across) + 9 * torch.hypot(down, across))
        return picture.repeat(1, channels, 1, 1)

    return {"example.spiral": spiral}
