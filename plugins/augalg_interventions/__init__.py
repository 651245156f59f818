"""Interventions: set one factor of a picture to a value, and whatever it causes follows.

``do_light``, ``do_angle``, ``do_shadow_length`` and ``do_shadow_position`` are for pictures of a pendulum, as
``--data pendulum`` has them: the factors are read off the picture, one is set, and the picture is drawn again. Light
and angle cause length and position of the shadow. So what was set last counts, causes commute, and an effect is
overwritten by its cause, but not the other way round. Nothing says what was there before, so nothing undoes any of
them. A picture of something else is refused, with the factor that cannot be read off it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import augalgebra as aa

if TYPE_CHECKING:
    from torch import Tensor

PENDULUM = "interventions.pendulum"


@aa.hookimpl
def augalg_register(register: aa.Register) -> None:
    """Register causes first, then effects."""
    _register_causes(register)
    _register_effects(register)


@aa.hookimpl
def augalg_probes() -> "dict[str, Callable[[int, int, int], Tensor]]":
    """Pictures that the interventions are checked on."""

    def pendulum(_channels: int, _height: int, _width: int) -> "Tensor":
        from augalg_interventions import pendulum

        return pendulum.probes()

    return {PENDULUM: pendulum}


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
