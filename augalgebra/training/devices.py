"""One training in several processes, each with a device of its own, through Lightning Fabric.

Each process works on its part of every batch, and gradients are averaged. What is drawn at random is drawn for the
whole batch everywhere, so that losses and weights are those of one process but for rounding.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn

from augalgebra.errors import AugalgebraError
from augalgebra.training.loop import Measurement, Objective, Step

__all__ = ["Team", "assemble_team", "is_first_process"]


def is_first_process() -> bool:
    """Whether this is the process that speaks and writes, of those that Fabric or torchrun started."""
    return int(os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0"))) == 0


def assemble_team(devices: int, strategy: str, device: torch.device) -> "Team | None":
    """Start the other processes, unless torchrun did, and wait until all are there.

    The others run the same command from its beginning, and arrive here too.

    Args:
        devices: Processes on this machine; under torchrun 1 stands for as many as it started.
        strategy: Fabric's name of a way to train with data in parallel; ``auto`` leaves the choice to it.
        device: What kind of device each gets one of.

    Returns:
        The team; None if this process is alone.

    Raises:
        AugalgebraError: Fabric is not installed, or cannot do it.
    """
    nodes = 1
    if torch.distributed.is_available() and torch.distributed.is_torchelastic_launched():
        here = int(os.environ["LOCAL_WORLD_SIZE"])
        if devices not in (1, here):
            raise AugalgebraError(f"torchrun started {here} processes here, not {devices}; leave out --devices")
        devices, nodes = here, int(os.environ["WORLD_SIZE"]) // here
    if devices * nodes == 1:
        return None
    try:
        from lightning_fabric import Fabric
        from lightning_fabric.utilities.exceptions import MisconfigurationException
    except ImportError as error:
        raise AugalgebraError("several devices need Lightning Fabric: pip install 'augalgebra[devices]'") from error
    try:
        fabric = Fabric(accelerator=device.type, devices=devices, num_nodes=nodes, strategy=strategy)
        fabric.launch()
    except (MisconfigurationException, RuntimeError, ValueError) as error:
        raise AugalgebraError(f"Fabric cannot train on {devices} devices ({device.type}): {error}") from error
    return Team(fabric)


class Team:
    """Processes that train one network together.

    Args:
        fabric: Fabric, launched.

    Attributes:
        size: How many they are.
        rank: The number of this one; 0 speaks and writes.
        device: Where this one computes.
    """

    def __init__(self, fabric: Any) -> None:
        self._fabric = fabric
        self.size, self.rank, self.device = int(fabric.world_size), int(fabric.global_rank), fabric.device
        self._begun, self._agreed = time.perf_counter(), 0.0
        self._interrupted = False

    @property
    def is_first(self) -> bool:
        """Whether this process speaks and writes."""
        return self.rank == 0

    def clock(self) -> float:
        """Seconds since the first process began, as all were told in the last step."""
        return self._agreed

    def spread(self, learned: nn.Module, objective: Objective) -> Objective:
        """An objective that is given whole batches, of which each process works on its part.

        Its terms have the value that they have of the whole batch, and gradients that give that of the whole batch on
        average over the processes.

        Args:
            learned: All that is learned.
            objective: Its terms must be means over samples, or made of means that went through `Step.pooled`.

        Raises:
            KeyboardInterrupt: One of the processes was interrupted; raised in all, in the same step.
        """
        module = self._fabric.setup_module(_Part(learned, objective), move_to_device=False)

        def measure(step: Step) -> Measurement:
            total = len(step.positions)
            first, last = (total * number // self.size for number in (self.rank, self.rank + 1))
            weight = (last - first) * self.size / total
            if first == last:  # one that has nothing to do takes part all the same, without weight
                first, last = 0, 1
            part = Step(
                step.positions[first:last], step.noise, step.fraction, first, total, partial(self._pooled, weight)
            )
            terms, images = module(part, weight)
            elapsed = time.perf_counter() - self._begun if self.is_first else 0.0
            told = [*(float(term.detach()) / self.size for term in terms.values()), images * bool(weight)]
            *means, images, interrupted, self._agreed = self._sum([*told, self._interrupted, elapsed])
            if interrupted:
                raise KeyboardInterrupt
            named = zip(terms.items(), means, strict=True)
            return Measurement({name: term + (mean - term.detach()) for (name, term), mean in named}, round(images))

        return measure

    def _pooled(self, weight: float, mean: Tensor) -> Tensor:
        """A mean with the value that it has over the whole batch, and the gradient of this process's part.

        Gradients are weighted and averaged over the processes later, which makes them those of the whole.
        """
        (value,) = self._sum([weight * float(mean.detach()) / self.size])
        return mean + (value - mean.detach())

    def _sum(self, values: list[float]) -> list[float]:
        tensor = torch.tensor(values, dtype=torch.float64, device=self.device)
        summed: list[float] = self._fabric.all_reduce(tensor, reduce_op="sum").tolist()
        return summed

    @contextlib.contextmanager
    def interrupted_together(self) -> Iterator[None]:
        """Let Ctrl-C wait until all processes have heard of it, in the next step."""

        def remember(_: int, __: FrameType | None) -> None:
            self._interrupted = True

        previous = signal.signal(signal.SIGINT, remember)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, previous)


class _Part(nn.Module):
    """What Fabric wraps: all that is learned, and what is asked of it in a step."""

    def __init__(self, learned: nn.Module, objective: Objective) -> None:
        super().__init__()
        self.learned = learned
        self._objective = objective

    def forward(self, step: Step, weight: float) -> tuple[dict[str, Tensor], int]:
        """The terms with their weight, and the number of images."""
        measured = self._objective(step)
        return {name: weight * term for name, term in measured.terms.items()}, measured.images
