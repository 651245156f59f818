"""A small causal run on few pictures of a pendulum, which several tests share."""

from pathlib import Path

import torch

from augalgebra.causal import CausalSettings
from augalgebra.data import Dataset, Split, cast_shadow, draw_pendulum
from augalgebra.runs import CausalRun, train_causal_run

SIDE = 32
SETTINGS = CausalSettings(width=4, waves=2, steps=12, seconds=None, batch_size=32)
EDGES = "light>shadow_length, angle>shadow_length, light>shadow_position, angle>shadow_position"


def few_pendulums(number: int = 90) -> Dataset:
    """Pictures of a pendulum with their factors, a third of them for testing."""
    generator = torch.Generator().manual_seed(0)
    light, angle = 70 * torch.rand(2, number, generator=generator, dtype=torch.float64) - 40
    length, position = cast_shadow(light, angle)
    factors = {"light": light, "angle": angle, "shadow_length": length, "shadow_position": position}
    images = (draw_pendulum(**factors, size=(SIDE, SIDE)) * 255).round().byte()
    first = number * 2 // 3
    splits = [
        Split(
            images[rows],
            torch.zeros(len(images[rows]), dtype=torch.int64),
            rows.start,
            {n: v[rows] for n, v in factors.items()},
        )
        for rows in (slice(0, first), slice(first, number))
    ]
    return Dataset("pendulum", splits[0], splits[1], truth="pendulum")


def make_run(folder: Path) -> CausalRun:
    """A run that was hardly trained."""
    return train_causal_run(folder, few_pendulums(), SETTINGS)
