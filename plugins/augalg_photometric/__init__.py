"""Changes of pixel values that look at no neighbours; they commute with every permutation of the pixels.

All but `equalize` treat each pixel by itself. Results that would leave [0, 1] are clipped, which is why
brightness, contrast and saturation have so few laws: what is clipped is lost. A turn of hues clips nothing.

`hue` and `saturation` are for pictures in colour. They refuse grey ones, of one channel, which they could not change.
"""

from typing import TYPE_CHECKING

import augalgebra as aa

if TYPE_CHECKING:
    from torch import Tensor

PERMUTATIONS = (
    "flip_lr",
    "flip_ud",
    "rotate_cw",
    "rotate_ccw",
    "rotate_180",
    "transpose",
    "anti_transpose",
    "roll",
)


@aa.hookimpl
def augalg_register(register: aa.Register) -> None:
    """Register the maps, smooth ones first."""
    _register_curves(register)
    _register_colours(register)
    _register_steps(register)


def _register_curves(register: aa.Register) -> None:
    @register("invert", inverse="self", commutes_with=PERMUTATIONS)
    def invert(x: "Tensor") -> "Tensor":
        """Exchange black and white."""
        return 1 - x

    @register(
        "gamma",
        multiplicative="gamma",
        commutes_with=PERMUTATIONS,
        laws=["gamma keeps a dark border"],
        # beyond 5, dark pixels underflow in single precision and do not come back
        params=[aa.Param("gamma", low=0.2, high=5, doc="exponent; more than 1 darkens")],
    )
    def gamma(x: "Tensor", gamma: "float | Tensor") -> "Tensor":
        """Raise every value to a power."""
        from augalg_photometric import kernels

        return kernels.raise_to(x, gamma)

    @register(
        "brightness",
        inverse="none",
        commutes_with=PERMUTATIONS,
        laws=["brightness(0) = id", "invert * brightness(a) * invert = brightness(-a)"],
        params=[aa.Param("delta", low=-1, high=1, doc="what is added")],
    )
    def brightness(x: "Tensor", delta: "float | Tensor") -> "Tensor":
        """Add a constant, clipping the result."""
        return (x + delta).clamp(0, 1)

    @register(
        "contrast",
        commutes_with=[*PERMUTATIONS, "invert"],
        laws=[
            "contrast(1) = id",
            # the other way round, bright and dark would be clipped
            "contrast(0.5) * contrast(2) = id",
            "contrast(0) * contrast(a) = contrast(0)",
        ],
        params=[aa.Param("factor", low=0, high=10, doc="slope; more than 1 strengthens")],
    )
    def contrast(x: "Tensor", factor: "float | Tensor") -> "Tensor":
        """Stretch the distance to middle grey by a factor, clipping the result."""
        return ((x - 0.5) * factor + 0.5).clamp(0, 1)

    @register(
        "solarize",
        inverse="none",
        commutes_with=PERMUTATIONS,
        laws=[
            "solarize(0) = invert",
            "solarize(0.5) * solarize(0.5) = solarize(0.5)",
            "invert * solarize(0.5) = solarize(0.5)",
        ],
        params=[aa.Param("threshold", low=0, high=1, doc="value from which on pixels are inverted")],
    )
    def solarize(x: "Tensor", threshold: "float | Tensor" = 0.5) -> "Tensor":
        """Invert the values from a threshold on."""
        return x.where(x < threshold, 1 - x)


def _register_colours(register: aa.Register) -> None:
    @register(
        "hue",
        additive="turns",
        commutes_with=[*PERMUTATIONS, "invert"],
        laws=["hue(a + 1) = hue(a)", "saturation(0) * hue(a) = saturation(0)"],
        params=[aa.Param("turns", low=-1, high=1, doc="how far around the circle of hues; 1/3 makes red green")],
    )
    def hue(x: "Tensor", turns: "float | Tensor") -> "Tensor":
        """Turn the hue of every pixel; largest and smallest of its channels stay as they are. Not for grey pictures."""
        from augalg_photometric import kernels

        return kernels.turn_hue(x, turns)

    @register(
        "saturation",
        commutes_with=[*PERMUTATIONS, "invert"],
        laws=[
            "saturation(1) = id",
            # the other way round, vivid colours would be clipped
            "saturation(0.5) * saturation(2) = id",
            "saturation(0) * saturation(a) = saturation(0)",
        ],
        params=[aa.Param("factor", low=0, high=10, doc="0 leaves grey, more than 1 makes colours vivid")],
    )
    def saturation(x: "Tensor", factor: "float | Tensor") -> "Tensor":
        """Stretch the distance to the grey of equal luma by a factor, clipping the result. Not for grey pictures."""
        from augalg_photometric import kernels

        return kernels.saturate(x, factor)


def _register_steps(register: aa.Register) -> None:
    @register(
        "threshold",
        inverse="none",
        commutes_with=PERMUTATIONS,
        laws=[
            "threshold(a) * threshold(b) = threshold(a)",
            "threshold(a) * gamma(g) = threshold(a)",
        ],
        params=[aa.Param("level", low=0.001, high=1, doc="smallest value that becomes white")],
    )
    def threshold(x: "Tensor", level: "float | Tensor" = 0.5) -> "Tensor":
        """Make values from a level on white and the rest black."""
        return (x >= level).to(x.dtype)

    @register(
        "posterize",
        inverse="none",
        idempotent=True,
        commutes_with=PERMUTATIONS,
        laws=[
            "posterize(a) * posterize(b) = posterize(b) * posterize(a)",
            "posterize(1) * posterize(a) = posterize(1)",
            "posterize(8) * posterize(a) = posterize(a)",
            "posterize keeps a dark border",
        ],
        params=[aa.Param("bits", low=1, high=8, whole=True, doc="bits that are kept of each byte")],
    )
    def posterize(x: "Tensor", bits: "int | Tensor" = 4) -> "Tensor":
        """Keep the highest bits of the 8-bit value."""
        from augalg_photometric import kernels

        return kernels.posterize(x, bits)

    @register(
        "equalize",
        inverse="none",
        commutes_with=PERMUTATIONS,
        # rounding may merge the smallest value with the next, which shifts the others by one byte the second
        # time
        laws=[aa.parse_law("equalize * equalize ≈ equalize", tolerance=0.01)],
    )
    def equalize(x: "Tensor") -> "Tensor":
        """Spread the 8-bit values of each channel evenly over the range."""
        from augalg_photometric import kernels

        return kernels.equalize(x)
