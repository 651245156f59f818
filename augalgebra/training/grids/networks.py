"""Small networks behind kernels, taught through the decoder: what counts is the picture that is drawn of a code."""

import abc
import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from augalgebra.latent.grids import GridSpace, ModuleSpace
from augalgebra.operators.grids.charts import GridChart
from augalgebra.operators.grids.maps import KernelMap, ResidualMap, Trunk
from augalgebra.operators.grids.operator import GridMap
from augalgebra.training.grids.kernels import Target
from augalgebra.training.grids.orbits import Orbits
from augalgebra.training.grids.settings import GridSettings
from augalgebra.training.loop import Limit, Loop, Measurement, Outcome, Step
from augalgebra.training.precision import autocast
from augalgebra.training.progress import Progress, silent

STAGE = "operators"
CODES = {"kernel+residual": 0.15, "flow": 0.5}
"""Share of the time that each fit learns on codes alone, where steps are cheap because nothing is drawn.

A flow begins farther from the codes that it shall answer: maps of channels see no neighbours.
"""
MOVED = 0.3
"""Share of steps that begin with codes which operators have moved already.

Without them codes that are drawn well drift where the decoder does not look, and an operator that is applied to one
draws it badly: on TAEF2 a flip and the same flip again was drawn 1.4 dB worse than one flip.
"""
BACK, LONGEST = 0.5, 3
"""Share of those steps that come back from one move, and the moves by any operators before the step in the others.

When one move of any operator came before, and words were chosen by what they lack of single moves, `flip_lr` there and
back was drawn 0.24 to 0.39 dB worse than once; so, 0.04 dB.
"""
NEARNESS = 3.0
"""Decibels that a mean difference of one standard deviation from the code of the true picture counts as.

What is drawn well need not be a code that the encoder would give; models that train on codes would see others. On TAEF2
errors of codes were 0.17 to 0.19 of the variance without it and 0.13 to 0.16 with it.
"""
_LEAST = 1e-5  # mean squared error that is taken for none
_MEMORY, _EVEN = 0.95, 0.25  # of the level of each word, and how much every word is trained beside the worst
_LARGER_BATCH, _LARGER_STEP = 8, 3.0  # on codes, beside those through the decoder
_FEW = 8  # crops on which levels are measured at first


class Learners(nn.Module, abc.ABC):
    """The maps of all targets while they learn.

    Args:
        targets: What each shall do.
        deviation: Standard deviation of each channel of codes.
    """

    def __init__(self, targets: Sequence[Target], deviation: Float[Tensor, " channel"]) -> None:
        super().__init__()
        self.targets = tuple(targets)
        self.register_buffer("deviation", deviation[:, None, None], persistent=False)

    @abc.abstractmethod
    def moved(self, number: int, codes: Tensor) -> Tensor:
        """Codes moved by one of the maps."""

    @abc.abstractmethod
    def grid_maps(self) -> list[GridMap]:
        """The maps, as they are kept."""

    def apart(
        self, moved: Tensor, orbits: Orbits, positions: Sequence[int], views: Sequence[int], target: Target
    ) -> Tensor:
        """Mean square of the difference from the codes of the moved pictures, in standard deviations."""
        goals = [orbits.product(view, target.column) if target.in_group else target.column for view in views]
        true = orbits.codes(positions, goals).to(moved.device)
        return ((moved.float() - true) / self.get_buffer("deviation")).square().mean()


class Networks(Learners):
    """Kernels with small networks, which share their middle."""

    def __init__(
        self,
        targets: Sequence[Target],
        kernels: Sequence[KernelMap],
        mean: Float[Tensor, " channel"],
        deviation: Float[Tensor, " channel"],
        settings: GridSettings,
    ) -> None:
        super().__init__(targets, deviation)
        trunk = Trunk(settings.width, settings.depth)
        self.maps = nn.ModuleList(ResidualMap(kernel, trunk, mean, deviation) for kernel in kernels)

    def moved(self, number: int, codes: Tensor) -> Tensor:
        """The move of the grid, then the kernel and the network."""
        moved: Tensor = self.maps[number](self.targets[number].moved(codes))
        return moved

    def grid_maps(self) -> list[GridMap]:
        """A move and a map each."""
        return [GridMap(target.move, local) for target, local in zip(self.targets, self.maps, strict=True)]


class ChartedMoves(Learners):
    """Moves and maps of channels that are an exact representation, in coordinates that learn."""

    def __init__(
        self,
        targets: Sequence[Target],
        kernels: Sequence[KernelMap],
        mean: Float[Tensor, " channel"],
        deviation: Float[Tensor, " channel"],
        settings: GridSettings,
    ) -> None:
        super().__init__(targets, deviation)
        self.kernels = nn.ModuleList(kernels).requires_grad_(requires_grad=False)  # or relations would be lost
        self.chart = GridChart(mean, deviation, settings.width, 2 * settings.depth)

    def moved(self, number: int, codes: Tensor) -> Tensor:
        """There, moved, and back."""
        back: Tensor = self.chart.inverse(self.kernels[number](self.targets[number].moved(self.chart(codes))))
        return back

    def grid_maps(self) -> list[GridMap]:
        """A move and a map of channels each, and the coordinates that all share."""
        return [
            GridMap(target.move, kernel, chart=self.chart)
            for target, kernel in zip(self.targets, self.kernels, strict=True)
        ]


class CodesAsEncoded:
    """The objective at first: codes moved by an operator shall be those of the moved pictures, which costs little."""

    def __init__(self, orbits: Orbits, targets: Sequence[Target], networks: Learners, *, bfloat16: bool) -> None:
        self._orbits, self._targets, self._networks = orbits, targets, networks
        self._bfloat16 = bfloat16

    def __call__(self, step: Step) -> Measurement:
        """Compare moved codes of some crops with codes of the moved crops, in standard deviations."""
        device, positions = self._orbits.space.device, step.positions.tolist()
        draws = torch.rand(1 + len(positions), generator=step.noise, device=step.noise.device).cpu()
        number = int(draws[0] * len(self._targets))
        target = self._targets[number]
        views = (draws[1:] * len(self._orbits.views)).long().tolist() if target.in_group else [0] * len(positions)
        with autocast(device, bfloat16=self._bfloat16):
            moved = self._networks.moved(number, self._orbits.codes(positions, views).to(device))
        return Measurement(
            {"code": self._networks.apart(moved, self._orbits, positions, views, target)}, len(positions)
        )


class DrawnAsTrue:
    """The objective: codes moved by an operator shall be drawn like the true picture, in decibels.

    A word is chosen at each step, the more often the more it falls short of what encoding its picture would reach: by
    the square of the decibels, since the worst word is what operators are judged by.
    """

    def __init__(self, orbits: Orbits, targets: Sequence[Target], networks: Learners, *, bfloat16: bool) -> None:
        self._orbits, self._targets, self._networks = orbits, targets, networks
        self._bfloat16 = bfloat16
        self._elements = [number for number, target in enumerate(targets) if target.in_group]
        numbers = range(len(targets))
        self._floor = [self._measure(number, encoded=True) for number in numbers]
        self._level = [self._measure(number, encoded=False) for number in numbers]
        self._again = list(self._level)  # of codes that were moved already

    def __call__(self, step: Step) -> Measurement:
        """Draw moved codes of some crops beside their true pictures."""
        positions = step.positions.tolist()
        draws = torch.rand(4 + LONGEST + len(positions), generator=step.noise, device=step.noise.device).cpu()
        is_moved = bool(self._elements) and float(draws[1]) < MOVED
        levels = self._again if is_moved else self._level
        number = self._choose(draws[0], levels)
        target = self._targets[number]
        views = (draws[4 + LONGEST :] * len(self._orbits.views)).long().tolist()
        if is_moved:
            sources = self._moved(positions, views, self._moves_before(number, draws[2 : 4 + LONGEST]))
        else:
            sources = self._codes(positions, views)
        with autocast(self._orbits.space.device, bfloat16=self._bfloat16):
            moved = self._networks.moved(number, sources)
            drawn = _draw(self._orbits.space, moved)
        error = _mean_square(drawn.float(), self._truth(positions, views, target))
        reached = error.detach()
        decibels = 10 * reached.log10().mean()
        if is_moved:
            # Moved there and back, a wrong operator can come out right; that must not outweigh being right.
            reached = reached.clamp_min(10 ** (self._level[number] / 10))
        levels[number] += (1 - _MEMORY) * (float(decibels) - levels[number])
        # the slope is that of decibels, and so is the value
        loss = (10 / math.log(10)) * (error / reached).mean()
        terms = {"error": loss + (decibels - loss).detach()}
        if target.in_group or not any(views):  # else there are no codes to compare with
            terms["code"] = NEARNESS * self._networks.apart(moved, self._orbits, positions, views, target)
        return Measurement(terms, len(positions))

    def _choose(self, draw: Tensor, levels: Sequence[float]) -> int:
        shares = (torch.tensor(levels) - torch.tensor(self._floor)).clamp_min(0).square()
        borders = (shares + _EVEN * shares.mean() + _LEAST).cumsum(0)
        return min(int(torch.searchsorted(borders, draw * borders[-1])), len(borders) - 1)

    def _codes(self, positions: Sequence[int], views: Sequence[int]) -> Tensor:
        return self._orbits.codes(positions, views).to(self._orbits.space.device)

    def _moves_before(self, number: int, draws: Tensor) -> list[int]:
        """The operators whose codes a step begins with: what this one undoes, or a few of any."""
        if number in self._elements and draws[0] < BACK:
            inverse = self._orbits.undone(0, self._targets[number].column)
            return [other for other in self._elements if self._targets[other].column == inverse]
        length = 1 + int(draws[1] * LONGEST)
        return [self._elements[int(draw * len(self._elements))] for draw in draws[2 : 2 + length]]

    def _moved(self, positions: Sequence[int], views: Sequence[int], numbers: Sequence[int]) -> Tensor:
        """Codes of views as operators make them, one after another, of other views."""
        first = list(views)
        for number in reversed(numbers):
            first = [self._orbits.undone(view, self._targets[number].column) for view in first]
        codes = self._codes(positions, first)
        with torch.no_grad(), autocast(codes.device, bfloat16=self._bfloat16):
            for number in numbers:
                codes = self._networks.moved(number, codes).float()
        return codes

    def _truth(self, positions: Sequence[int], views: Sequence[int], target: Target) -> Tensor:
        crops = self._orbits.crops(positions)
        pictures = [
            self._orbits.under(self._orbits.views[self._orbits.product(view, target.column)], crop[None])
            if target.in_group
            else self._orbits.under(self._orbits.views[view] * target.word, crop[None])
            for view, crop in zip(views, crops, strict=True)
        ]
        return torch.cat(pictures)

    def _measure(self, number: int, *, encoded: bool) -> float:
        """Decibels of a word on a few crops: as operators are now, or of encoding the moved pictures."""
        few, target = list(range(min(_FEW, len(self._orbits)))), self._targets[number]
        with torch.no_grad(), autocast(self._orbits.space.device, bfloat16=self._bfloat16):
            codes = self._codes(few, [target.column if encoded else 0] * len(few))
            moved = codes if encoded else self._networks.moved(number, codes)
            drawn = _draw(self._orbits.space, moved).float()
        truth = self._orbits.under(target.word, self._orbits.crops(few))
        return float(10 * _mean_square(drawn, truth).log10().mean())


def train_networks(
    orbits: Orbits,
    targets: Sequence[Target],
    kernels: Sequence[KernelMap],
    settings: GridSettings,
    *,
    bfloat16: bool,
    progress: Progress = silent,
) -> tuple[list[GridMap], Outcome]:
    """Put a network behind each kernel, or coordinates around all, and train all together through the decoder.

    Args:
        orbits: Crops and their codes.
        targets: What operators shall do.
        kernels: The kernel of each; for ``flow`` those of a representation.
        settings: Time, sizes and step size.
        bfloat16: Whether to compute in bfloat16.
        progress: Called after each step.

    Returns:
        The maps, and what the loop did. If it was interrupted, what was learned so far stays.

    Raises:
        TrainingError: The loss was not finite.
    """
    device = orbits.space.device
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(settings.seed)
        learners = ChartedMoves if settings.fit == "flow" else Networks
        networks = learners(targets, kernels, *orbits.statistics(), settings).to(device)
    if device.type == "cpu":
        networks.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch leaves this one out
    weights = [weight for weight in networks.parameters() if weight.requires_grad]
    on_codes = CODES[settings.fit]
    teaching = (
        # nothing is drawn at first, so that a step has room for more crops
        (f"{STAGE}, on codes", CodesAsEncoded, on_codes, _LARGER_BATCH, _LARGER_STEP),
        (STAGE, DrawnAsTrue, 1 - on_codes, 1, 1.0),
    )
    for stage, objective, share, crops, rate in teaching:
        batch = min(crops * settings.batch_size, len(orbits))
        loop = Loop(
            stage,
            networks,
            torch.optim.AdamW(weights, lr=rate * settings.learning_rate, weight_decay=1e-4),
            objective(orbits, targets, networks, bfloat16=bfloat16),
            samples=len(orbits),
            batch_size=batch,
            limit=Limit(
                epochs=None if settings.steps is None else math.ceil(settings.steps * batch / len(orbits)),
                seconds=None if settings.seconds is None else share * settings.seconds,
            ),
            seed=settings.seed,
            schedule="cosine",
            device=device,
        )
        outcome = loop.run(progress)
        if outcome.interrupted:
            break
    return networks.to("cpu").eval().requires_grad_(requires_grad=False).grid_maps(), outcome


def _draw(space: GridSpace, codes: Tensor) -> Tensor:
    return space.draw(codes) if isinstance(space, ModuleSpace) else space.decode(codes)


def _mean_square(drawn: Tensor, truth: Tensor) -> Float[Tensor, " batch"]:
    return (drawn - truth).square().flatten(1).mean(1) + _LEAST
