"""A few small pictures of a pendulum, and a causal model of them that was hardly trained."""

import pytest
import torch

from augalgebra.causal import CausalModel, CausalSettings, train_causal
from augalgebra.data import Dataset, Split, cast_shadow, draw_pendulum


def make_pendulums(count: int = 48, *, size: int = 32, seed: int = 0) -> Dataset:
    generator = torch.Generator().manual_seed(seed)
    light, angle = (torch.rand(count, generator=generator, dtype=torch.float64) * 60 - 30 for _ in range(2))
    length, position = cast_shadow(light, angle)
    images = (draw_pendulum(light, angle, size=(size, size)) * 255).round().byte()
    factors = {"light": light, "angle": angle, "shadow_length": length, "shadow_position": position}
    split = Split(images, torch.zeros(count, dtype=torch.int64), 0, factors)
    return Dataset("pendulum", split, split, truth="pendulum")


@pytest.fixture(scope="session")
def pendulums() -> Dataset:
    return make_pendulums()


@pytest.fixture(scope="session")
def model(pendulums: Dataset) -> CausalModel:
    return train_causal(pendulums, CausalSettings(steps=12, seconds=None, width=4, batch_size=16)).model
