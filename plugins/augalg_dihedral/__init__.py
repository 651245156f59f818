"""The eight symmetries of the square: exact permutations of pixels.

Words read left to right, so ``rotate_cw * flip_lr`` turns first. Everything follows from the two flips and
one quarter turn; the other laws save the reasoner the derivation. On images that are not square the quarter
turns and transposes exchange height and width, and all laws hold as they stand.
"""

from typing import TYPE_CHECKING

import augalgebra as aa

if TYPE_CHECKING:
    from torch import Tensor


@aa.hookimpl
def augalg_register(register: aa.Register) -> None:
    """Register the flips, quarter turns and transposes."""

    @register(
        "flip_lr",
        inverse="self",
        commutes_with=["flip_ud", "rotate_180"],
        laws=[
            "flip_lr * rotate_cw * flip_lr = rotate_ccw",
            "flip_lr * transpose * flip_lr = anti_transpose",
            "flip_lr keeps a dark border",
        ],
    )
    def flip_lr(x: "Tensor") -> "Tensor":
        """Mirror left and right."""
        return x.flip(-1)

    @register(
        "flip_ud",
        inverse="self",
        commutes_with=["rotate_180"],
        laws=[
            "rotate_ccw * flip_lr * rotate_cw = flip_ud",
            "flip_ud * rotate_cw * flip_ud = rotate_ccw",
            "flip_ud keeps a dark border",
        ],
    )
    def flip_ud(x: "Tensor") -> "Tensor":
        """Mirror top and bottom."""
        return x.flip(-2)

    @register(
        "rotate_cw",
        period=4,
        inverse="rotate_ccw",
        laws=["rotate_cw keeps a dark border"],
        shape="transposed",
    )
    def rotate_cw(x: "Tensor") -> "Tensor":
        """Turn by 90° clockwise."""
        return x.rot90(-1, (-2, -1))

    @register(
        "rotate_ccw",
        period=4,
        equals="rotate_cw^3",
        laws=["rotate_ccw keeps a dark border"],
        shape="transposed",
    )
    def rotate_ccw(x: "Tensor") -> "Tensor":
        """Turn by 90° counter-clockwise."""
        return x.rot90(1, (-2, -1))

    @register(
        "rotate_180",
        inverse="self",
        equals="rotate_cw^2",
        laws=["rotate_180 = flip_lr * flip_ud", "rotate_180 keeps a dark border"],
    )
    def rotate_180(x: "Tensor") -> "Tensor":
        """Turn by 180°."""
        return x.flip((-2, -1))

    @register(
        "transpose",
        inverse="self",
        equals="rotate_cw * flip_lr",
        commutes_with=["anti_transpose", "rotate_180"],
        laws=["transpose keeps a dark border"],
        shape="transposed",
    )
    def transpose(x: "Tensor") -> "Tensor":
        """Mirror at the main diagonal."""
        return x.transpose(-2, -1).contiguous()

    @register(
        "anti_transpose",
        inverse="self",
        equals="rotate_cw * flip_ud",
        commutes_with=["rotate_180"],
        laws=["anti_transpose keeps a dark border"],
        shape="transposed",
    )
    def anti_transpose(x: "Tensor") -> "Tensor":
        """Mirror at the other diagonal."""
        return x.transpose(-2, -1).flip((-2, -1))
