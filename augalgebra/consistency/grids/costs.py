"""What moving codes costs beside decoding, moving and encoding again."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from augalgebra.algebra.words import Word
from augalgebra.catalog import Catalog
from augalgebra.consistency.grids.report import GridCost
from augalgebra.latent.grids import GridSpace

if TYPE_CHECKING:
    from augalgebra.consistency.grids.relations import Operator

_REPEATS = 3  # the fastest counts, since others may use the machine


def measure_cost(
    space: GridSpace,
    catalog: Catalog,
    moves: "Sequence[tuple[Operator, Word]]",
    codes: Float[Tensor, "batch code h w"],
    operator_bytes: int,
) -> GridCost:
    """Take the time of operators, and of the round trip through pixels by the first word.

    Args:
        space: The autoencoder.
        catalog: Applies the word.
        moves: The operators with their words.
        codes: What is moved.
        operator_bytes: Bytes of all operators.
    """

    def through_pixels() -> None:
        drawn = space.decode(codes)
        space.encode(catalog.apply(moves[0][1], drawn.cpu()).to(drawn).clamp(0, 1))

    taken = [_seconds(partial(operator.apply, codes), space) for operator, _ in moves]
    round_trip = _seconds(through_pixels, space)
    return GridCost(
        len(codes) * len(moves) / sum(taken),
        len(codes) / round_trip,
        len(codes),
        str(space.device),
        2 * codes[0].numel(),
        len(moves) + 1,
        operator_bytes,
    )


def _seconds(work: Callable[[], object], space: GridSpace) -> float:
    def wait() -> None:
        if space.device.type == "cuda":
            torch.cuda.synchronize(space.device)

    taken = []
    for _ in range(_REPEATS):
        wait()
        begun = time.perf_counter()
        work()
        wait()
        taken.append(time.perf_counter() - begun)
    return max(min(taken), 1e-9)
