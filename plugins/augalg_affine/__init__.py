"""Rotation, shear, scaling and translation, bilinear, about the image centre; and cyclic shifts, exact.

Signs are those of torchvision. Angles live in axes with x to the right and y *up*: ``rotate(90)`` turns
counter-clockwise, ``shear_x(45)`` moves the upper half to the right, ``shear_y(45)`` the right half up.
Distances are pixels: ``dx`` to the right, ``dy`` *down*. The canvas keeps its size; ``fill`` is what enters
from outside.

Laws with ``=`` hold to the last bits: quarter turns (of square images) and whole-pixel shifts involve no
interpolation. Laws with ``≈`` hold as far as interpolation allows, for pictures with a dark border: content that
leaves the frame does not come back. Tolerances were set on 28×28 pictures, where one interpolation too many
costs 0.04 on smooth digits and up to 0.1 on MNIST, and a shear by 50° and back, which cuts corners, 0.11 on
smooth digits.
"""

from typing import TYPE_CHECKING

import augalgebra as aa

if TYPE_CHECKING:
    from torch import Tensor

FILL = aa.Param("fill", low=0, high=1, doc="value of what enters from outside")
DARK = "for pictures with a dark border"
SQUARE = ("flip_lr", "flip_ud", "rotate_cw", "rotate_ccw", "rotate_180", "transpose", "anti_transpose")


@aa.hookimpl
def augalg_register(register: aa.Register) -> None:
    """Register the families, every one with its laws with the symmetries of the square."""
    _register_turns_and_zooms(register)
    _register_shears(register)
    _register_shifts(register)


def _register_turns_and_zooms(register: aa.Register) -> None:
    @register(
        "rotate",
        commutes_with=["rotate_cw", "rotate_ccw", "rotate_180"],
        laws=[
            aa.parse_law(f"rotate(a) * rotate(b) ≈ rotate(a + b) {DARK}", tolerance=0.1),
            # interpolation spreads what lies at the rim of the disc by a pixel
            aa.parse_law("rotate(a) keeps a dark border", tolerance=0.1),
            "rotate(0, f) = id",
            "rotate(90, f) = rotate_ccw for square pictures",
            "rotate(-90, f) = rotate_cw for square pictures",
            "rotate(180, f) = rotate_180",
            "rotate(-180, f) = rotate_180",
            "rotate(a + 360, f) = rotate(a, f)",
            "rotate(a, f) * flip_lr = flip_lr * rotate(-a, f)",
            "rotate(a, f) * flip_ud = flip_ud * rotate(-a, f)",
            "rotate(a, f) * transpose = transpose * rotate(-a, f)",
            "rotate(a, f) * anti_transpose = anti_transpose * rotate(-a, f)",
        ],
        params=[aa.Param("degrees", doc="angle, counter-clockwise"), FILL],
    )
    def rotate(x: "Tensor", degrees: "float | Tensor", fill: "float | Tensor" = 0.0) -> "Tensor":
        """Turn counter-clockwise by degrees; quarter turns are exact on square images."""
        from augalg_affine import kernels

        return kernels.rotate(x, degrees, fill)

    @register(
        "scale",
        commutes_with=SQUARE,
        laws=[
            "scale(1, f) = id",
            # the other way round, the border would be lost
            aa.parse_law(f"scale(0.8) * scale(1.25) ≈ id {DARK}", tolerance=0.1),
        ],
        params=[aa.Param("factor", low=0.1, high=10, doc="more than 1 enlarges"), FILL],
    )
    def scale(x: "Tensor", factor: "float | Tensor", fill: "float | Tensor" = 0.0) -> "Tensor":
        """Enlarge about the centre by a factor."""
        from augalg_affine import kernels

        return kernels.scale(x, factor, fill)


def _register_shears(register: aa.Register) -> None:
    @register(
        "shear_x",
        laws=[
            aa.parse_law(f"shear_x(a) * shear_x(-a) ≈ id {DARK}", tolerance=0.12),
            "shear_x(0, f) = id",
            "shear_x(a, f) * flip_lr = flip_lr * shear_x(-a, f)",
            "shear_x(a, f) * flip_ud = flip_ud * shear_x(-a, f)",
            "shear_x(a, f) * rotate_180 = rotate_180 * shear_x(a, f)",
            "shear_x(a, f) * rotate_cw = rotate_cw * shear_y(-a, f)",
            "shear_x(a, f) * rotate_ccw = rotate_ccw * shear_y(-a, f)",
            "shear_x(a, f) * transpose = transpose * shear_y(a, f)",
            "shear_x(a, f) * anti_transpose = anti_transpose * shear_y(a, f)",
        ],
        params=[
            aa.Param("degrees", low=-50, high=50, draw=aa.uniform(-50, -45), doc="angle; beyond, too much is lost"),
            FILL,
        ],
    )
    def shear_x(x: "Tensor", degrees: "float | Tensor", fill: "float | Tensor" = 0.0) -> "Tensor":
        """Move each row right by tan(degrees) times its height above the centre."""
        from augalg_affine import kernels

        return kernels.shear_x(x, degrees, fill)

    @register(
        "shear_y",
        laws=[
            aa.parse_law(f"shear_y(a) * shear_y(-a) ≈ id {DARK}", tolerance=0.12),
            "shear_y(0, f) = id",
            "shear_y(a, f) * flip_lr = flip_lr * shear_y(-a, f)",
            "shear_y(a, f) * flip_ud = flip_ud * shear_y(-a, f)",
            "shear_y(a, f) * rotate_180 = rotate_180 * shear_y(a, f)",
        ],
        params=[aa.Param("degrees", low=-50, high=50, doc="angle; beyond, too much is lost"), FILL],
    )
    def shear_y(x: "Tensor", degrees: "float | Tensor", fill: "float | Tensor" = 0.0) -> "Tensor":
        """Move each column up by tan(degrees) times its distance to the right of the centre."""
        from augalg_affine import kernels

        return kernels.shear_y(x, degrees, fill)


def _register_shifts(register: aa.Register) -> None:
    # Not additive: there and back again, what left the frame is lost. The group of shifts is roll.
    @register(
        "translate",
        laws=[
            "translate(0, 0, f) = id",
            "translate(a, b, f) * flip_lr = flip_lr * translate(-a, b, f)",
            "translate(a, b, f) * flip_ud = flip_ud * translate(a, -b, f)",
            "translate(a, b, f) * rotate_180 = rotate_180 * translate(-a, -b, f)",
            "translate(a, b, f) * rotate_cw = rotate_cw * translate(-b, a, f)",
            "translate(a, b, f) * rotate_ccw = rotate_ccw * translate(b, -a, f)",
            "translate(a, b, f) * transpose = transpose * translate(b, a, f)",
            "translate(a, b, f) * anti_transpose = anti_transpose * translate(-b, -a, f)",
        ],
        params=[aa.Param("dx", doc="pixels to the right"), aa.Param("dy", doc="pixels down"), FILL],
    )
    def translate(x: "Tensor", dx: "float | Tensor", dy: "float | Tensor", fill: "float | Tensor" = 0.0) -> "Tensor":
        """Move right by dx and down by dy pixels; exact for whole pixels."""
        from augalg_affine import kernels

        return kernels.translate(x, dx, dy, fill)

    @register(
        "roll",
        additive=["dx", "dy"],
        laws=[
            "roll(a, b) * flip_lr = flip_lr * roll(-a, b)",
            "roll(a, b) * flip_ud = flip_ud * roll(a, -b)",
            "roll(a, b) * rotate_180 = rotate_180 * roll(-a, -b)",
            "roll(a, b) * rotate_cw = rotate_cw * roll(-b, a)",
            "roll(a, b) * rotate_ccw = rotate_ccw * roll(b, -a)",
            "roll(a, b) * transpose = transpose * roll(b, a)",
            "roll(a, b) * anti_transpose = anti_transpose * roll(-b, -a)",
        ],
        params=[
            aa.Param("dx", whole=True, doc="pixels to the right"),
            aa.Param("dy", whole=True, doc="pixels down"),
        ],
    )
    def roll(x: "Tensor", dx: "int | Tensor", dy: "int | Tensor") -> "Tensor":
        """Move right by dx and down by dy pixels; what leaves at one side enters at the other."""
        from augalg_affine import kernels

        return kernels.roll(x, dx, dy)
