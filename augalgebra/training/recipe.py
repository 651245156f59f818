"""How stages 1 and 3 descend: the numbers, and the optimizer that goes with a preset."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from augalgebra.errors import AugalgebraError
from augalgebra.training.adabelief import AdaBelief
from augalgebra.training.loop import Limit, Schedule
from augalgebra.training.precision import bfloat16_pays, device_of
from augalgebra.training.settings import Preset, TrainSettings

_PUBLISHED_EPS = 1e-16


@dataclass(frozen=True)
class Recipe:
    """How to descend.

    Attributes:
        preset: ``faithful``: AdaBelief at a constant rate. ``equivariant``: AdamW without decay, cosine schedule.
        limit: When to stop.
        seed: Seed of order and noise.
        learning_rate: Step size, at the top of the schedule if there is one.
        batch_size: Samples in a step.
        kl_weight: Weight of the divergence in stage 1.
        kl_warmup: Over which fraction of stage 1 that weight rises from 0.
        bfloat16: Whether to compute products in bfloat16.

    Raises:
        AugalgebraError: The step size is not a finite number larger than 0.
    """

    preset: Preset
    limit: Limit
    seed: int
    learning_rate: float
    batch_size: int
    kl_weight: float = 1.0
    bfloat16: bool = False
    kl_warmup: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise AugalgebraError(f"learning_rate must be larger than 0, not {self.learning_rate}")

    @classmethod
    def of(cls, settings: TrainSettings, limit: Limit, *, seed: int, learning_rate: float, batch_size: int) -> "Recipe":
        """The recipe of one stage of a run with these settings."""
        bfloat16 = settings.precision == "bfloat16"
        if settings.precision == "auto":
            bfloat16 = settings.preset == "equivariant" and bfloat16_pays(device_of(settings.device))
        return cls(
            settings.preset, limit, seed, learning_rate, batch_size, settings.kl_weight, bfloat16, settings.warmup
        )

    @property
    def schedule(self) -> Schedule:
        """How the step size develops."""
        return "constant" if self.preset == "faithful" else "cosine"

    def optimizer(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """The optimizer of some parameters."""
        if self.preset == "faithful":
            return AdaBelief(parameters, lr=self.learning_rate, eps=_PUBLISHED_EPS)
        return torch.optim.AdamW(parameters, lr=self.learning_rate, weight_decay=0.0, fused=True)
