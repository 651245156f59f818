"""Pendulum: pictures of a light, a pendulum and the shadow that it casts, drawn from known factors without any file.

The scene is that of the synthetic data of CausalVAE (Yang et al. 2021, https://arxiv.org/abs/2004.08697): light and
angle are causes, length and position of the shadow their effects, by parallel rays. Whoever draws may set an effect
too, which cuts it from its causes; so every intervention has a true picture.

Axes: x from 0 to 20 to the right, y from -1 to 21 upwards, over the whole picture. The rod hangs from (10, 10.5); the
middle of the ball is 8 below, its lower end 9.5. The shadow lies on y = -0.5.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor

from augalgebra.errors import ImageError
from augalgebra.image_batches import check_batch, size_text

SIDE = 64
"""Pixels along each side, unless something else is asked for."""
LEAST_SIDE = 32
"""Fewest pixels along a side from which factors can be read."""
STEP = 0.9
"""Degrees between two angles, and between two directions of the light, of the data set."""
LIGHTS: tuple[float, ...] = tuple(STEP * (100 - number) for number in range(60, 148) if number != 100)
"""Directions of the light in the data set: degrees from straight above, positive to the right."""
ANGLES: tuple[float, ...] = tuple(STEP * number for number in range(-40, 44))
"""Angles of the pendulum in the data set: degrees from hanging straight down, positive to the right."""
FACTORS = ("light", "angle", "shadow_length", "shadow_position")
"""Names of the factors: two angles in degrees, then length and middle of the shadow in units of the x axis."""
CAUSES: Mapping[str, tuple[str, ...]] = {
    "light": (),
    "angle": (),
    "shadow_length": ("light", "angle"),
    "shadow_position": ("light", "angle"),
}
"""What each factor is caused by."""
LIMITS: Mapping[str, tuple[float, float]] = {
    "light": (-43.0, 43.0),
    "angle": (-60.0, 60.0),
    "shadow_length": (1.0, 20.0),
    "shadow_position": (0.0, 20.0),
}
"""Lowest and highest value of each factor that can be drawn and read."""
TOLERANCE = 0.15
"""Largest misfit at which a factor counts as read: of a part of a picture, against what is drawn there."""

_WIDTH, _BOTTOM, _HEIGHT = 20.0, -1.0, 22.0
_PIVOT, _ROD, _TIP, _BALL, _ROD_HALF = (10.0, 10.5), 8.0, 9.5, 1.5, 0.3
_SUN_Y, _SUN = 20.5, 3.0
_GROUND, _SHADOW_HALF, _SHORTEST = -0.5, 0.375, 3.0
_ORANGE, _FIREBRICK, _BLACK = (1.0, 165 / 255, 0.0), (178 / 255, 34 / 255, 34 / 255), (0.0, 0.0, 0.0)
_BANDS = (13.0, 0.4)  # heights that part the light from the pendulum, and that from the shadow
_ROUNDS = 12  # of Gauss and Newton
_ROWS = 128  # pictures that are worked on at once
_SETTLED = 1e-8  # steps converge quadratically: after one of that size nothing changes any more
_FULL = 0.99  # share from which on a column is all shadow
_END = 0.05  # how far the end of a shadow may lie from where it is expected

Values: TypeAlias = Float[Tensor, " image"]


@dataclass(frozen=True)
class PendulumFactors:
    """What was read off some pictures.

    Attributes:
        factors: A value for each picture, by the name of the factor, float64; NaN where it cannot be read.
        misfits: By the name of the factor, how far its part of a picture is from what the factor draws there: root mean
            square of the difference over that of what is drawn; infinite where there is nothing.
        hidden: Which shadows leave the picture in a way that their light and pendulum do not explain, so that neither
            length nor position can be told.
    """

    factors: Mapping[str, Values]
    misfits: Mapping[str, Values]
    hidden: Bool[Tensor, " image"]

    def require(self, names: Sequence[str]) -> dict[str, Values]:
        """Some factors, which have to be there.

        Args:
            names: Which.

        Raises:
            ImageError: One of them cannot be read off a picture; the message names both.
        """
        for name in names:
            misfit = self.misfits[name]
            wrong = ~(misfit <= TOLERANCE)
            if "shadow" in name:
                wrong = wrong | self.hidden
            if bool(wrong.any()):
                row = int(wrong.int().argmax())
                why = f"what is there differs from every {name} by {float(misfit[row]):.0%} or more"
                if bool(self.hidden[row]) and float(misfit[row]) <= TOLERANCE:
                    why = "the shadow leaves the picture"
                elif math.isinf(float(misfit[row])):
                    why = "there is nothing where it should be"
                raise ImageError(f"{name} cannot be read off picture {row}: {why}; it has to be one of a pendulum")
        return {name: self.factors[name] for name in names}


def cast_shadow(light: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
    """Length and position of the shadow that parallel rays cast on the ground.

    Args:
        light: Degrees from straight above.
        angle: Degrees from hanging straight down.

    Returns:
        Length, at least 3, and middle, in units of the x axis.
    """
    lean, (x, y) = light.deg2rad().tan(), _PIVOT
    tip_x, tip_y = x + _TIP * angle.deg2rad().sin(), y - _TIP * angle.deg2rad().cos()
    first, second = x - (y - _GROUND) * lean, tip_x - (tip_y - _GROUND) * lean
    return (first - second).abs().clamp(min=_SHORTEST), (first + second) / 2


def draw_pendulum(
    light: Tensor | float,
    angle: Tensor | float,
    shadow_length: Tensor | float | None = None,
    shadow_position: Tensor | float | None = None,
    *,
    size: tuple[int, int] = (SIDE, SIDE),
) -> Float[Tensor, "image 3 height width"]:
    """Draw pictures with soft edges on white.

    Args:
        light: Degrees from straight above, positive to the right: 90° less the angle over the horizon.
        angle: Degrees of the pendulum from hanging straight down, positive to the right.
        shadow_length: Length of the shadow; by default what light and angle cast.
        shadow_position: Its middle; by default what light and angle cast.
        size: Height and width in pixels.

    Returns:
        Float64 in [0, 1]. Numbers and tensors ``[image]`` may be mixed.

    Raises:
        ImageError: A value is no number or outside of `LIMITS`, or factors have different numbers of values.

    Examples:
        >>> draw_pendulum(20.0, torch.tensor([-10.0, 0.0, 10.0])).shape
        torch.Size([3, 3, 64, 64])
    """
    given = (light, angle, shadow_length, shadow_position)
    as_rows = [None if item is None else torch.as_tensor(item, dtype=torch.float64).reshape(-1) for item in given]
    for name, values in zip(FACTORS, as_rows, strict=True):
        low, high = LIMITS[name]
        if values is not None and not bool(((values >= low) & (values <= high)).all()):
            wrong = values[~((values >= low) & (values <= high))][0]
            raise ImageError(f"{name} must lie in [{low:g}, {high:g}], not {float(wrong):g}")
    lengths = {len(values) for values in as_rows if values is not None} - {1}
    if len(lengths) > 1:
        raise ImageError(f"each factor has one value, or one for each picture, not {sorted(lengths)} of them")
    rows = [None if values is None else values.expand(max(lengths, default=1)) for values in as_rows]
    lights, angles = (item for item in rows[:2] if item is not None)
    cast = cast_shadow(lights, angles)
    length, position = (own if own is not None else caused for own, caused in zip(rows[2:], cast, strict=True))
    scene = _Scene(size, lights.device)
    pictures = lights.new_ones(len(lights), 3, *size)
    # pictures of a grid, or after one intervention, share most of what is in them
    (sun_x, suns), (radians, swings) = map(_distinct, (_sun_x(lights), angles.deg2rad()))
    sun, (rod, ball) = scene.sun(sun_x), scene.pendulum(radians)
    for start in range(0, len(lights), _ROWS):
        some = slice(start, start + _ROWS)
        upper, middle, lower = (pictures[some, :, band] for band in scene.bands)
        _paint(upper, sun[suns[some]], _ORANGE)
        _paint(middle, rod[swings[some]], _BLACK)
        _paint(middle, ball[swings[some]], _FIREBRICK)
        ends = position[some] - length[some] / 2, position[some] + length[some] / 2
        _paint(lower, scene.shadow(*ends), _BLACK)
    return pictures


def read_pendulum(images: Float[Tensor, "image 3 height width"]) -> PendulumFactors:
    """Read the factors off pictures.

    Light and angle are those at which a drawing fits best (Gauss and Newton, from the centre of what is coloured);
    length and position follow in closed form from the ink to the left and to the right within the shadow. A shadow one
    end of which lies outside is the one that light and angle cast, if its other end lies where that one's does.

    Args:
        images: Float batch in [0, 1], at least 32 pixels high and wide.

    Raises:
        ImageError: The batch is not of that form.
    """
    check_batch(images)
    if images.shape[1] != 3 or min(images.shape[-2:]) < LEAST_SIDE:
        raise ImageError(
            f"pictures of a pendulum are coloured and have at least {LEAST_SIDE}×{LEAST_SIDE} pixels; "
            f"these are {size_text(images)}"
        )
    height, width = images.shape[-2:]
    scene = _Scene((height, width), images.device)
    parts = [_read(part.double(), scene) for part in torch.split(images, _ROWS)]
    parts = parts or [_read(images.double(), scene)]
    return PendulumFactors(
        {name: torch.cat([part.factors[name] for part in parts]) for name in FACTORS},
        {name: torch.cat([part.misfits[name] for part in parts]) for name in FACTORS},
        torch.cat([part.hidden for part in parts]),
    )


def pendulum_grid() -> tuple[dict[str, Values], Int64[Tensor, " image"], Int64[Tensor, " image"]]:
    """The factors of the data set, and which of its pictures are for training and for testing.

    Every fourth picture of the grid is for testing, but not the first: 5,482 and 1,826 of 7,308.
    """
    angle, light = (item.reshape(-1) for item in torch.meshgrid(_column(ANGLES), _column(LIGHTS), indexing="ij"))
    length, position = cast_shadow(light, angle)
    numbers = torch.arange(len(light))
    testing = (numbers % 4 == 0) & (numbers > 0)
    factors = dict(zip(FACTORS, (light, angle, length, position), strict=True))
    return factors, numbers[~testing], numbers[testing]


def as_bytes(pictures: Float[Tensor, "image channel height width"]) -> UInt8[Tensor, "image channel height width"]:
    """The pictures in 8 bits."""
    pixels: Tensor = (pictures * 255).round().byte()
    return pixels


class _Scene:
    """The coordinates of pixels, and how much of each is covered by what stands in the scene."""

    def __init__(self, size: tuple[int, int], device: torch.device) -> None:
        self.height, self.width = size
        self.step_x, self.step_y = _WIDTH / self.width, _HEIGHT / self.height
        self.x = (torch.arange(self.width, dtype=torch.float64, device=device) + 0.5) * self.step_x
        rows = torch.arange(self.height, dtype=torch.float64, device=device) + 0.5
        y = _BOTTOM + _HEIGHT - rows * self.step_y
        cuts = [0, *(int((y > level).sum()) for level in _BANDS), self.height]
        self.bands = tuple(slice(start, end) for start, end in itertools.pairwise(cuts))
        self.ys = tuple(y[band, None] for band in self.bands)
        self.soft = math.sqrt(self.step_x * self.step_y)  # width of an edge

    def covered(self, distance: Tensor, radius: float) -> Tensor:
        """From all to nothing where the distance passes the radius, within a pixel."""
        return (0.5 + (radius - distance) / self.soft).clamp(0, 1)

    def sun(self, x: Values) -> Float[Tensor, "image row column"]:
        return self.covered(torch.hypot(self.x - x[:, None, None], self.ys[0] - _SUN_Y), _SUN)

    def pendulum(self, radians: Values) -> tuple[Tensor, Tensor]:
        """Rod and ball; the ball lies over the rod."""
        x, y = self.x - _PIVOT[0], _PIVOT[1] - self.ys[1]  # y downwards
        sine, cosine = radians.sin()[:, None, None], radians.cos()[:, None, None]
        along, across = x * sine + y * cosine, x * cosine - y * sine
        beyond = along - along.clamp(0, _ROD)
        rod = self.covered(torch.hypot(beyond, across), _ROD_HALF)
        return rod, self.covered(torch.hypot(along - _ROD, across), _BALL)

    def shadow(self, left: Values, right: Values) -> Float[Tensor, "image row column"]:
        return self.thickness[:, None] * self.overlap(left, right)[:, None]

    def overlap(self, left: Values, right: Values) -> Float[Tensor, "image column"]:
        """The share of each column that lies between two ends."""
        half = self.step_x / 2
        reach = torch.minimum(self.x + half, right[:, None]) - torch.maximum(self.x - half, left[:, None])
        return reach.clamp(min=0) / self.step_x

    @property
    def thickness(self) -> Float[Tensor, " row"]:
        """The share of each row that the shadow takes."""
        y, half = self.ys[2][:, 0], self.step_y / 2
        top = torch.clamp(y + half, max=_GROUND + _SHADOW_HALF)
        bottom = torch.clamp(y - half, min=_GROUND - _SHADOW_HALF)
        return (top - bottom).clamp(min=0) / self.step_y


def _read(images: Float[Tensor, "image 3 height width"], scene: _Scene) -> PendulumFactors:
    light, light_misfit = _read_light(1 - images[:, 2, scene.bands[0]], images[:, :2, scene.bands[0]], scene)
    angle, angle_misfit = _read_angle(images[:, :, scene.bands[1]], scene)
    ink = (1 - images[:, :, scene.bands[2]]).mean(1)
    columns = (ink.sum(1) / scene.thickness.sum()).clamp(0, 1)
    left, right = _ends(columns, scene)
    # what is dark up to the border may go on beyond it
    open_left, open_right = columns[:, 0] > _FULL, columns[:, -1] > _FULL
    length, position = cast_shadow(light, angle)
    cast_left, cast_right = position - length / 2, position + length / 2
    explained = (cast_left - left).abs().where(~open_left, cast_left.clamp(min=0)) <= _END
    explained &= (cast_right - right).abs().where(~open_right, (_WIDTH - cast_right).clamp(min=0)) <= _END
    hidden = (open_left | open_right) & ~explained
    left, right = cast_left.where(open_left & explained, left), cast_right.where(open_right & explained, right)
    shadow_misfit = _misfit((ink - scene.shadow(left, right))[:, None], scene.shadow(left, right)[:, None])
    shadow_misfit = shadow_misfit.where(columns.sum(1) * scene.step_x > scene.step_x, math.inf)
    values = (light, angle, right - left, (left + right) / 2)
    misfits = (light_misfit, angle_misfit, shadow_misfit, shadow_misfit)
    return PendulumFactors(dict(zip(FACTORS, values, strict=True)), dict(zip(FACTORS, misfits, strict=True)), hidden)


def _read_light(orange: Tensor, others: Tensor, scene: _Scene) -> tuple[Values, Values]:
    x = (orange * scene.x).sum((1, 2)) / orange.sum((1, 2))
    for _ in range(_ROUNDS):
        drawn = scene.sun(x)
        distance = torch.hypot(scene.x - x[:, None, None], scene.ys[0] - _SUN_Y)
        slope = (scene.x - x[:, None, None]) / distance / scene.soft * ((drawn > 0) & (drawn < 1))
        step = _step(slope, orange - drawn)
        x = (x + step).clamp(-_WIDTH, 2 * _WIDTH)
        if not bool((step.abs() > _SETTLED).any()):
            break
    drawn = scene.sun(x)
    expected = torch.stack([drawn * (1 - value) for value in _ORANGE], 1)
    found = torch.cat([1 - others, orange[:, None]], 1)
    return ((x - _PIVOT[0]) / (_SUN_Y - _PIVOT[1])).atan().rad2deg(), _misfit(found - expected, expected)


def _read_angle(images: Tensor, scene: _Scene) -> tuple[Values, Values]:
    red = (images[:, 0] - images[:, 1]).clamp(min=0)  # of the ball alone
    total = red.sum((1, 2))
    x, y = (red * scene.x).sum((1, 2)) / total - _PIVOT[0], _PIVOT[1] - (red * scene.ys[1]).sum((1, 2)) / total
    radians, small = torch.atan2(x, y), 1e-7

    def green(at: Values) -> Tensor:
        rod, ball = scene.pendulum(at)
        return (1 - rod) * (1 - ball) + _FIREBRICK[1] * ball

    for _ in range(_ROUNDS):
        drawn = green(radians)
        step = _step((green(radians + small) - drawn) / small, images[:, 1] - drawn).clamp(-0.1, 0.1)
        radians = radians + step
        if not bool((step.abs() > _SETTLED).any()):
            break
    expected = torch.ones_like(images)
    for covered, colour in zip(scene.pendulum(radians), (_BLACK, _FIREBRICK), strict=True):
        _paint(expected, covered, colour)
    return radians.rad2deg(), _misfit(images - expected, 1 - expected)


def _ends(columns: Float[Tensor, "image column"], scene: _Scene) -> tuple[Values, Values]:
    """The ends of the one run of ink: from a border between pixels in its middle, as far as the ink reaches."""
    before = columns.cumsum(1) * scene.step_x
    total = before[:, -1]
    middle = (before >= total[:, None] / 2).int().argmax(1)
    border = (middle + 1).double() * scene.step_x
    to_left = before.gather(1, middle[:, None])[:, 0]
    return border - to_left, border + total - to_left


def _step(slope: Tensor, rest: Tensor) -> Values:
    """What one parameter has to change by, in least squares."""
    return (slope * rest).flatten(1).sum(1) / slope.square().flatten(1).sum(1).clamp(min=1e-12)


def _misfit(difference: Tensor, expected: Tensor) -> Values:
    ratio = difference.square().flatten(1).sum(1).sqrt() / expected.square().flatten(1).sum(1).sqrt()
    return ratio.nan_to_num(nan=math.inf)


def _paint(pictures: Tensor, covered: Float[Tensor, "image row column"], colour: tuple[float, float, float]) -> None:
    pictures.add_(covered[:, None] * (pictures.new_tensor(colour)[:, None, None] - pictures))


def _distinct(values: Values) -> tuple[Values, Int64[Tensor, " image"]]:
    """The distinct values in order, and for each value its place among them."""
    found: tuple[Tensor, Tensor] = torch.unique(values, return_inverse=True)
    return found


def _sun_x(light: Values) -> Values:
    return _PIVOT[0] + (_SUN_Y - _PIVOT[1]) * light.deg2rad().tan()


def _column(values: Sequence[float]) -> Values:
    return torch.tensor(values, dtype=torch.float64)
