"""Pictures of a pendulum: abduct the factors, act on one, predict the picture."""

import torch
from torch import Tensor

from augalgebra.data import draw_pendulum, read_pendulum

CAUSES = ("light", "angle")


def intervene(images: Tensor, **given: float | Tensor) -> Tensor:
    """Draw pictures again with some factors set and all others as they are, or as their causes have it.

    Args:
        images: Float batch ``[batch, 3, height, width]``.
        given: Factors with a number, or one for each image as a tensor ``[batch, 1, 1, 1]``.

    Raises:
        ImageError: A factor that is needed cannot be read off a picture.
    """
    # an effect is forgotten once one of its causes is set, and need not be read then
    effects = () if given.keys() & set(CAUSES) else ("shadow_length", "shadow_position")
    read = read_pendulum(images)
    factors: dict[str, float | Tensor] = dict(
        read.require([*(set(CAUSES) - given.keys()), *set(effects) - given.keys()])
    )
    count = images.new_ones(len(images), dtype=torch.float64)
    factors |= {name: count * torch.as_tensor(value).reshape(-1).to(count) for name, value in given.items()}
    height, width = images.shape[-2:]
    return draw_pendulum(**factors, size=(height, width)).to(images.dtype)


def probes() -> Tensor:
    """Pictures that differ in every factor, the last of them with a shadow that nothing casts."""
    light, angle, length, position = torch.tensor(
        [(-9.0, 12.6, 3.0, 11.8), (18.0, -9.9, 3.5, 6.7), (-18.9, 27.0, 3.2, 14.0), (4.5, -20.7, 5.0, 12.0)],
        dtype=torch.float64,
    ).T
    cast = draw_pendulum(light[:3], angle[:3])
    return torch.cat([cast, draw_pendulum(light[3:], angle[3:], length[3:], position[3:])]).float()
