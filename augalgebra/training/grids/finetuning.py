"""An autoencoder made ready: trained on until a plain move of the grid is what the move of the picture is.

After that no operator is needed: flipping the grid of a code flips the picture. It is a new autoencoder, with another
fingerprint; codes and operators of the old one do not belong to it.
"""

import copy
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from augalgebra.algebra.words import IDENTITY, Word
from augalgebra.catalog import Catalog
from augalgebra.errors import AugalgebraError, DataError
from augalgebra.latent.grids import ModuleSpace
from augalgebra.markdown import markdown_table
from augalgebra.operators.grids.moves import GridMove
from augalgebra.plain import PlainData
from augalgebra.seeds import check_seed
from augalgebra.training.grids.fitting import plan_grid_operators
from augalgebra.training.grids.settings import Precision
from augalgebra.training.loop import Limit, Loop, Measurement, Outcome, Step
from augalgebra.training.precision import autocast, bfloat16_pays
from augalgebra.training.progress import Progress, silent

STAGE = "plain moves"
_LEAST = 1e-5  # mean squared error that is taken for none
_AT_ONCE = 4  # crops that are measured at once


@dataclass(frozen=True)
class FinetuneSettings:
    """How long and how fast an autoencoder is trained on.

    Attributes:
        seconds: Time for it.
        steps: Steps, rounded up to whole passes over the crops; whichever of time and steps comes first.
        batch_size: Crops in a step.
        learning_rate: Largest step size.
        precision: Number format; ``auto`` is bfloat16 where matrix units make it faster.
        seed: Seed of everything drawn at random.

    Raises:
        AugalgebraError: A value is impossible.
    """

    seconds: float | None = 1500.0
    steps: int | None = None
    batch_size: int = 2
    learning_rate: float = 1e-4
    precision: Precision = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        check_seed(self.seed)
        given = [value for value in (self.seconds, self.steps) if value is not None]
        if not given or not all(0 < value < math.inf for value in given):
            raise AugalgebraError("training on needs a number of seconds or of steps, larger than 0")
        if self.batch_size < 1 or not 0 < self.learning_rate < math.inf:
            raise AugalgebraError("batch size and learning rate must be larger than 0")


@dataclass(frozen=True)
class Readiness(PlainData):
    """How well one word is drawn, before and after; means over crops in dB of PSNR, higher is better.

    Attributes:
        word: The word; ``id`` is reconstruction.
        plain_before: After a plain move of the grid, by the autoencoder as it was.
        floor_before: What encoding the moved picture would reach.
        plain_after: After a plain move of the grid, by the autoencoder that was trained on.
        floor_after: What encoding the moved picture would reach with it.
    """

    word: str
    plain_before: float
    floor_before: float
    plain_after: float
    floor_after: float


@dataclass(frozen=True, eq=False)
class FinetuneResult:
    """An autoencoder that was trained on, beside what it was.

    Attributes:
        space: The new autoencoder.
        table: How well each word is drawn before and after; reconstruction comes first.
        outcome: What the loop did.
    """

    space: ModuleSpace
    table: tuple[Readiness, ...]
    outcome: Outcome

    def to_markdown(self) -> str:
        """The table, and what it costs in reconstruction."""
        head = ["word", "plain before", "floor before", "plain after", "floor after"]
        rows = [[row.word, *(f"{value:.2f}" for value in list(row.to_dict().values())[1:])] for row in self.table]
        cost = self.table[0].floor_before - self.table[0].floor_after
        told = (
            f"{cost:.2f} dB of reconstruction are lost" if cost > 0 else f"{-cost:.2f} dB of reconstruction are gained"
        )
        return f"{markdown_table([head, *rows], names=1)}\n\n{told}."


class _Mover(NamedTuple):
    word: Word
    move: GridMove


class MovedAsTrue:
    """The objective: codes that are moved plainly are drawn as the moved pictures, and codes as they are as well.

    Pictures are shown under any of the words first, so that codes of moved pictures are moved too.
    """

    def __init__(
        self,
        space: ModuleSpace,
        crops: UInt8[Tensor, "crop channel size size"],
        movers: Sequence[_Mover],
        catalog: Catalog,
        *,
        bfloat16: bool,
    ) -> None:
        self._space, self._crops, self._movers, self._catalog = space, crops, movers, catalog
        self._bfloat16 = bfloat16

    def __call__(self, step: Step) -> Measurement:
        """Draw the codes of some crops, plainly moved and not moved."""
        first, second = (
            int(draw * count)
            for draw, count in zip(
                torch.rand(2, generator=step.noise, device=step.noise.device).tolist(),
                (1 + len(self._movers), len(self._movers)),
                strict=True,
            )
        )
        shown = self._crops[step.positions].float() / 255
        if first:
            shown = self._catalog.apply(self._movers[first - 1].word, shown)
        word, move = self._movers[second]
        true = self._catalog.apply(word, shown).to(self._space.device)
        shown = shown.to(self._space.device)
        with autocast(self._space.device, bfloat16=self._bfloat16):
            codes = self._space.encode(shown)
            drawn, moved = self._space.draw(codes), self._space.draw(move.apply(codes))
        # one logarithm of both: with one for each, what is drawn well already would outweigh what is not
        error = (_mean_square(drawn, shown) + _mean_square(moved, true)) / 2
        return Measurement({"error": 10 * (error + _LEAST).log10().mean()}, len(step.positions))


def finetune_space(
    space: ModuleSpace,
    crops: Iterable[UInt8[Tensor, "channel size size"]],
    augmentations: Sequence[str | Word],
    catalog: Catalog,
    settings: FinetuneSettings,
    *,
    test_crops: Iterable[UInt8[Tensor, "channel size size"]],
    progress: Progress = silent,
) -> FinetuneResult:
    """Train an autoencoder on until plain moves of its grid do what augmentations do to pictures.

    Encoder and decoder learn together, from codes that are moved and codes that are not; the loss is in decibels. Both
    stay in evaluation mode, so that statistics of batches do not change.

    Args:
        space: The autoencoder; it is not changed.
        crops: Crops to learn from, of one size, in bytes.
        augmentations: The augmentations; they are closed to a group as far as their laws do.
        catalog: Augmentations and their laws.
        settings: Time and step size.
        test_crops: Crops to measure on, of one size, in bytes.
        progress: Called after each step.

    Returns:
        The new autoencoder with its table. If somebody stopped it, what was learned so far stays. Its weights have the
        names they had: `augalgebra.latent.save_taesd` writes one of the TAESD family; into an autoencoder of
        diffusers they go by ``load_state_dict({**space.encoder.state_dict(), **space.decoder.state_dict()})``.

    Raises:
        GridMoveError: An augmentation is no move of the grid; the message says what would be one.
        FitError: The augmentations do nothing by the laws, or there is none.
        DataError: There is no crop.
        AugalgebraError: The autoencoder has no weights.
        TrainingError: The loss was not finite.

    Examples:
        ::

            crops, tests = photographs.draw_crops(280, 256), photographs.tile(256)
            result = finetune_space(space, crops, ["flip_lr"], catalog, FinetuneSettings(), test_crops=tests)
            print(result.to_markdown())
    """
    words = [target.word for target in plan_grid_operators(catalog, augmentations, space.stride).targets]
    movers = [_Mover(word, GridMove.of(catalog, word, space.stride)) for word in words]
    learned, tests = _stack(crops), _stack(test_crops)
    new = copy.deepcopy(space)
    weights = [*new.requires_grad_().parameters()]
    if not weights:
        raise AugalgebraError("this autoencoder has no weights that could be trained on")
    bfloat16 = settings.precision == "bfloat16" or (settings.precision == "auto" and bfloat16_pays(space.device))
    loop = Loop(
        STAGE,
        new,
        torch.optim.AdamW(weights, lr=settings.learning_rate, weight_decay=0.0),
        MovedAsTrue(new, learned, movers, catalog, bfloat16=bfloat16),
        samples=len(learned),
        batch_size=settings.batch_size,
        limit=Limit(
            epochs=None if settings.steps is None else math.ceil(settings.steps * settings.batch_size / len(learned)),
            seconds=settings.seconds,
        ),
        seed=settings.seed,
        schedule="cosine",
        device=space.device,
    )
    outcome = loop.run(progress)
    new.requires_grad_(requires_grad=False)
    still = _Mover(IDENTITY, GridMove())
    table = [
        Readiness(
            catalog.display(mover.word),
            *_measure(space, tests, mover, catalog),
            *_measure(new, tests, mover, catalog),
        )
        for mover in (still, *movers)
    ]
    return FinetuneResult(new, tuple(table), outcome)


def _stack(crops: Iterable[Tensor]) -> UInt8[Tensor, "crop channel size size"]:
    stacked = list(crops)
    if not stacked:
        raise DataError("there is no crop to train or measure on; the pictures are too few or too small")
    return torch.stack(stacked)


def _mean_square(drawn: Float[Tensor, "batch c h w"], true: Float[Tensor, "batch c h w"]) -> Float[Tensor, " batch"]:
    return (drawn - true).square().flatten(1).mean(1)


def _measure(
    space: ModuleSpace, crops: UInt8[Tensor, "crop channel size size"], mover: _Mover, catalog: Catalog
) -> tuple[float, float]:
    """PSNR after a plain move of the grid, and after encoding the moved picture."""
    sums = torch.zeros(2, dtype=torch.float64)
    for start in range(0, len(crops), _AT_ONCE):
        shown = crops[start : start + _AT_ONCE].float() / 255
        true = catalog.apply(mover.word, shown) if mover.word else shown
        with torch.no_grad():
            plain = space.decode(mover.move.apply(space.encode(shown.to(space.device))))
            floor = space.decode(space.encode(true.to(space.device)))
        for number, drawn in enumerate((plain, floor)):
            sums[number] -= 10 * _mean_square(drawn.cpu(), true).clamp_min(1e-10).log10().sum()
    plain_decibels, floor_decibels = (sums / len(crops)).tolist()
    return plain_decibels, floor_decibels
