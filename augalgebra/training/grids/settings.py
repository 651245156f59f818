"""What is asked of operators on grids of codes."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from augalgebra.errors import AugalgebraError, nearest
from augalgebra.seeds import check_seed

GridFit = Literal["channels", "kernel", "kernel+residual", "flow"]
GRID_FITS: tuple[GridFit, ...] = get_args(GridFit)
"""The names of the fits: a map of channels that is an exact representation, a k×k kernel, a kernel and a network, and
an exact representation in curved coordinates."""
NETWORKS: tuple[GridFit, ...] = ("kernel+residual", "flow")
"""Those that learn through the decoder, which takes time."""
Precision = Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True)
class GridSettings:
    """Settings of the operators of a grid latent space.

    Attributes:
        fit: Name of the fit.
        kernel: Side of kernels, odd.
        size: Side of the crops that are learned from, in pixels.
        crops: How many of them.
        seconds: Time for the networks, the first part of it on codes alone.
        steps: Steps for the networks, rounded up to whole passes over the crops, for what shall not depend on the
            machine; whichever of time and steps comes first.
        width: Features of the networks at each position.
        depth: Residual blocks of the networks.
        batch_size: Crops in a step.
        learning_rate: Largest step size of the networks.
        precision: Number format in which networks learn; ``auto`` is bfloat16 where matrix units make it faster.
        seed: Seed of everything drawn at random.

    Raises:
        AugalgebraError: A value is impossible.
    """

    fit: GridFit = "kernel+residual"
    kernel: int = 5
    size: int = 256
    crops: int = 280
    seconds: float | None = 1500.0
    steps: int | None = None
    width: int = 96
    depth: int = 3
    batch_size: int = 2
    learning_rate: float = 5e-4
    precision: Precision = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.fit not in GRID_FITS:
            near = nearest(self.fit, GRID_FITS, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise AugalgebraError(f"there is no fit {self.fit!r} for grids; the fits are {', '.join(GRID_FITS)}{hint}")
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise AugalgebraError(f"a kernel has an odd side, such as 3 or 5, not {self.kernel}")
        check_seed(self.seed)
        numbers = (self.size, self.crops, self.width, self.batch_size, self.depth + 1)
        if not all(type(number) is int for number in (*numbers, self.kernel)):
            raise AugalgebraError("kernel, size, crops, width, depth and batch size must be whole numbers")
        if min(numbers) < 1 or not 0 < self.learning_rate < math.inf:
            raise AugalgebraError("size, crops, width, batch size and learning rate must be larger than 0")
        given = [value for value in (self.seconds, self.steps) if value is not None]
        if not given or not all(0 < value < math.inf for value in given):
            raise AugalgebraError("networks need a number of seconds or of steps to learn for, larger than 0")
