"""Filters: maps that look at a pixel's neighbourhood, and the miniature in the corner.

Filters continue the image beyond its frame by itself, so that they commute with the symmetries of the square
but not with cyclic shifts.
"""

from typing import TYPE_CHECKING

import augalgebra as aa

if TYPE_CHECKING:
    from torch import Tensor

SQUARE = ("flip_lr", "flip_ud", "rotate_cw", "rotate_ccw", "rotate_180", "transpose", "anti_transpose")


@aa.hookimpl
def augalg_register(register: aa.Register) -> None:
    """Register the filters."""

    @register(
        "gaussian_blur",
        commutes_with=[*SQUARE, "invert"],
        laws=["gaussian_blur(a) * gaussian_blur(b) = gaussian_blur(b) * gaussian_blur(a)"],
        params=[
            aa.Param(
                "sigma",
                low=0.05,
                high=10,
                draw=aa.uniform(0.1, 2),
                doc="standard deviation in pixels; 7 taps",
            )
        ],
    )
    def gaussian_blur(x: "Tensor", sigma: "float | Tensor") -> "Tensor":
        """Blur with a 7×7 Gaussian kernel, mirrored at the frame."""
        from augalg_filters import kernels

        return kernels.gaussian_blur(x, sigma)

    @register("edge_detect", inverse="none", commutes_with=SQUARE, laws=["invert * edge_detect = edge_detect"])
    def edge_detect(x: "Tensor") -> "Tensor":
        """Magnitude of the Laplacian of the four neighbours, white on black."""
        from augalg_filters import kernels

        return kernels.edge_detect(x)

    # Of two equally steep neighbours OpenCV keeps the one further right or down, so of all symmetries only
    # the transpose commutes.
    @register(
        "canny",
        inverse="none",
        commutes_with=["transpose"],
        params=[
            aa.Param("low", low=0, high=2040, doc="gradient of bytes from which on an edge is continued"),
            aa.Param("high", low=0, high=2040, doc="gradient of bytes from which on an edge begins"),
        ],
    )
    def canny(x: "Tensor", low: "float | Tensor" = 100.0, high: "float | Tensor" = 200.0) -> "Tensor":
        """Canny's edges by OpenCV, black on a white background; one picture at a time."""
        from augalg_filters import kernels

        return kernels.canny(x, low, high)

    @register("mini_image", inverse="none", commutes_with=["transpose", "invert"])
    def mini_image(x: "Tensor") -> "Tensor":
        """Paste an 8×8 copy of the whole image into its top left corner."""
        from augalg_filters import kernels

        return kernels.mini_image(x)
