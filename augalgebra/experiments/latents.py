"""Walking and drawing at random in a trained latent space."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from augalgebra.algebra.words import Word
from augalgebra.errors import AugalgebraError
from augalgebra.experiments.samplers import KINDS, Kind, draw_codes
from augalgebra.experiments.transform import device_of_space, operator_for
from augalgebra.latent.protocol import MAIN_HEAD
from augalgebra.training.data import Dataset, Split
from augalgebra.training.encoding import BATCH
from augalgebra.training.run import Run

_ENCODED = 5000  # training images whose codes say where codes lie


def interpolate(
    run: Run,
    images: Float[Tensor, "two channel height width"],
    words: Sequence[Word],
    *,
    steps: int = 7,
    powers: int = 0,
    head: str = MAIN_HEAD,
) -> Float[Tensor, "row step channel height width"]:
    """Draw the straight line from the code of one image to that of another, moved by words.

    Args:
        run: The run.
        images: The two images.
        words: One row for each.
        steps: Codes on the line, ends included.
        powers: With more than 1, rows for so many real powers of each word instead, from 0 to 1. Half of what is its
            own inverse exists, but where -1 is a single eigenvalue it is no half in the sense that two make a whole.
        head: The decoder to draw with.

    Raises:
        AugalgebraError: There are fewer than two steps or powers, or a word has no operator or no real powers.
    """
    if steps < 2 or powers == 1 or powers < 0:
        raise AugalgebraError(f"{steps} steps or {powers} powers lead nowhere; ask for at least 2")
    operators = [operator_for(run, word, head) for word in words]
    if powers:
        operators = [operator ** (number / (powers - 1)) for operator in operators for number in range(powers)]
    with torch.no_grad():
        start, end = run.space.encode(images.to(device_of_space(run.space)))
        along = torch.linspace(0, 1, steps, device=start.device)[:, None]
        codes = start + along * (end - start)
        return torch.stack([run.space.decode(operator.apply(codes), head) for operator in operators])


def sample(
    run: Run,
    data: Dataset,
    words: Sequence[Word],
    *,
    number: int = 8,
    kinds: Sequence[Kind] = KINDS,
    head: str = MAIN_HEAD,
    seed: int = 0,
) -> dict[Kind, Float[Tensor, "row sample channel height width"]]:
    """Draw codes at random where those of the originals lie, and images from them, moved by words.

    Args:
        run: The run.
        data: Its data set; training images say where codes lie.
        words: One row for each.
        number: How many codes.
        kinds: Ways to draw codes, see `augalgebra.experiments.samplers.Kind`.
        head: The decoder to draw with.
        seed: Seed of the codes.

    Returns:
        Images for each kind.

    Raises:
        AugalgebraError: A word has no operator.
    """
    operators = [operator_for(run, word, head) for word in words]
    codes = encoded(run, data.train)
    device = device_of_space(run.space)
    with torch.no_grad():
        return {
            kind: torch.stack([run.space.decode(operator.apply(sampled.to(device)), head) for operator in operators])
            for kind in kinds
            for sampled in [draw_codes(kind, codes, number, seed=seed)]
        }


@torch.no_grad()
def encoded(run: Run, split: Split, most: int = _ENCODED) -> Float[Tensor, "image latent"]:
    """The codes of the first images of a split, on the processor."""
    device = device_of_space(run.space)
    ends = range(0, min(most, len(split)), BATCH)
    parts = [split.batch(slice(start, min(start + BATCH, most)))[0] for start in ends]
    return torch.cat([run.space.encode(part.to(device)).cpu() for part in parts])
