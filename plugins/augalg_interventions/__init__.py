"""Interventions: set one factor of a picture to a value, and whatever it causes follows.

``do_light``, ``do_angle``, ``do_shadow_length`` and ``do_shadow_position`` are for pictures of a pendulum, as
``--data pendulum`` has them: the factors are read off the picture, one is set, and the picture is drawn again. Light
and angle cause length and position of the shadow. So what was set last counts, causes commute, and an effect is
overwritten by its cause, but not the other way round. Nothing says what was there before, so nothing undoes any of
them. Laws of shadows hold while all of the shadow stays inside the picture, as what lies beyond cannot be read off it.

``do_thickness``, ``do_slant`` and ``do_intensity`` set the strokes of grey digits. None causes another, and their laws
hold up to what pixels can show.

A picture of something else is refused, with the factor that cannot be read off it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import augalgebra as aa

if TYPE_CHECKING:
    from torch import Tensor

PENDULUM = "interventions.pendulum"
STROKES = "interventions.strokes"


@aa.hookimpl
def augalg_register(register: aa.Register) -> None:
    """Register causes first, then effects, then strokes."""
    _register_causes(register)
    _register_effects(register)
    _register_strokes(register)


@aa.hookimpl
def augalg_probes() -> "dict[str, Callable[[int, int, int], Tensor]]":
    """Pictures that the interventions are checked on."""

    def pendulum(_channels: int, _height: int, _width: int) -> "Tensor":
        from augalg_interventions import pendulum

        return pendulum.probes()

    def strokes(_channels: int, _height: int, _width: int) -> "Tensor":
        from augalgebra.data import draw_glyphs

        return draw_glyphs(4, seed=1).images().float() / 255

    return {PENDULUM: pendulum, STROKES: strokes}


def _register_causes(register: aa.Register) -> None:
    @register(
        "do_light",
        commutes_with=["do_angle"],
        laws=["do_light(a) * do_light(b) = do_light(b)"],
        params=[aa.Param("degrees", low=-42.3, high=36, doc="from straight above, to the right")],
        probes=[PENDULUM],
    )
    def do_light(x: "Tensor", degrees: "float | Tensor") -> "Tensor":
        """Put the light at an angle; the shadow follows."""
        from augalg_interventions import pendulum

        return pendulum.intervene(x, light=degrees)

    @register(
        "do_angle",
        laws=["do_angle(a) * do_angle(b) = do_angle(b)"],
        params=[aa.Param("degrees", low=-36, high=38.7, doc="from hanging straight down, to the right")],
        probes=[PENDULUM],
    )
    def do_angle(x: "Tensor", degrees: "float | Tensor") -> "Tensor":
        """Put the pendulum at an angle; the shadow follows."""
        from augalg_interventions import pendulum

        return pendulum.intervene(x, angle=degrees)

    @register("do_nothing", equals="id", probes=[PENDULUM])
    def do_nothing(x: "Tensor") -> "Tensor":
        """Read every factor and draw the picture of a pendulum again: the intervention that sets nothing."""
        from augalg_interventions import pendulum

        return pendulum.intervene(x)


def _register_effects(register: aa.Register) -> None:
    @register(
        "do_shadow_length",
        commutes_with=["do_shadow_position"],
        laws=[
            "do_shadow_length(a) * do_shadow_length(b) = do_shadow_length(b)",
            "do_shadow_length(l) * do_light(a) = do_light(a)",
            "do_shadow_length(l) * do_angle(a) = do_angle(a)",
            "do_light(30) * do_shadow_length(4) ≠ do_light(30)",
            "do_shadow_length(4) * do_light(30) ≠ do_light(30) * do_shadow_length(4)",
        ],
        params=[aa.Param("units", low=1, high=12, doc="of the x axis, on which the picture is 20 wide")],
        probes=[PENDULUM],
    )
    def do_shadow_length(x: "Tensor", units: "float | Tensor") -> "Tensor":
        """Make the shadow so long, whatever light and pendulum cast."""
        from augalg_interventions import pendulum

        return pendulum.intervene(x, shadow_length=units)

    @register(
        "do_shadow_position",
        laws=[
            "do_shadow_position(a) * do_shadow_position(b) = do_shadow_position(b)",
            "do_shadow_position(p) * do_light(a) = do_light(a)",
            "do_shadow_position(p) * do_angle(a) = do_angle(a)",
            "do_light(30) * do_shadow_position(12) ≠ do_light(30)",
        ],
        params=[aa.Param("units", low=2, high=18, doc="middle of the shadow, from the left of a picture 20 wide")],
        probes=[PENDULUM],
    )
    def do_shadow_position(x: "Tensor", units: "float | Tensor") -> "Tensor":
        """Put the middle of the shadow at a place, wherever light and pendulum cast it."""
        from augalg_interventions import pendulum

        return pendulum.intervene(x, shadow_position=units)


def _register_strokes(register: aa.Register) -> None:
    @register(
        "do_thickness",
        laws=[
            aa.parse_law("do_thickness(a) * do_thickness(b) ≈ do_thickness(b)", tolerance=0.075),
            aa.parse_law("do_thickness(a) * do_slant(b) ≈ do_slant(b) * do_thickness(a)", tolerance=0.05),
            aa.parse_law("do_thickness(a) * do_intensity(b) ≈ do_intensity(b) * do_thickness(a)", tolerance=0.05),
        ],
        params=[aa.Param("pixels", low=1.5, high=4, doc="mean width of strokes")],
        probes=[STROKES],
    )
    def do_thickness(x: "Tensor", pixels: "float | Tensor") -> "Tensor":
        """Make the strokes of grey digits so thick."""
        from augalgebra.data import set_strokes

        return set_strokes(x, thickness=pixels)

    @register(
        "do_slant",
        laws=[
            aa.parse_law("do_slant(a) * do_slant(b) ≈ do_slant(b)", tolerance=0.05),
            aa.parse_law("do_slant(a) * do_intensity(b) ≈ do_intensity(b) * do_slant(a)", tolerance=0.05),
        ],
        params=[aa.Param("degrees", low=-30, high=30, doc="positive where the top leans to the right")],
        probes=[STROKES],
    )
    def do_slant(x: "Tensor", degrees: "float | Tensor") -> "Tensor":
        """Shear grey digits until they lean so far."""
        from augalgebra.data import set_strokes

        return set_strokes(x, slant=degrees)

    @register(
        "do_intensity",
        laws=[aa.parse_law("do_intensity(a) * do_intensity(b) ≈ do_intensity(b)", tolerance=0.02)],
        params=[aa.Param("level", low=0.2, high=1, doc="median of the bright half")],
        probes=[STROKES],
    )
    def do_intensity(x: "Tensor", level: "float | Tensor") -> "Tensor":
        """Make the strokes of grey digits so bright."""
        from augalgebra.data import set_strokes

        return set_strokes(x, intensity=level)
