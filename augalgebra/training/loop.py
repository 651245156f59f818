"""The loop of all stages that learn by gradients: budget, schedule, interruption, divergence, checkpoints."""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from augalgebra.errors import AugalgebraError, RunError
from augalgebra.latent.likelihoods import alone
from augalgebra.latent.memory import keep_freed_memory
from augalgebra.latent.store import pack_tensors, read_tensors, unpack_tensors
from augalgebra.seeds import generator_for
from augalgebra.storage.files import write_atomically
from augalgebra.storage.values import Fields
from augalgebra.training.interrupts import whole_steps
from augalgebra.training.progress import Progress, Report, silent

Schedule = Literal["constant", "cosine"]

CHECKPOINT = "augalgebra.checkpoint"
"""What the header of a checkpoint says it is."""

_WARM_UP_STEPS = 50


class TrainingError(AugalgebraError):
    """Training that cannot go on; the message says where, and what was kept."""


@dataclass(frozen=True)
class Limit:
    """When to stop: after some epochs, steps or seconds, or whichever comes first.

    Attributes:
        epochs: Passes over the data.
        seconds: Time; how far one gets then depends on the machine.
        steps: Steps; the last pass over the data may be unfinished then.
    """

    epochs: int | None = None
    seconds: float | None = None
    steps: int | None = None

    def __post_init__(self) -> None:
        given = [value for value in (self.epochs, self.seconds, self.steps) if value is not None]
        if not given or min(given) <= 0 or not all(math.isfinite(value) for value in given):
            raise AugalgebraError("training needs a number of epochs, steps or seconds to stop after, larger than 0")

    def fraction(self, epochs: float, seconds: float, steps: int = 0) -> float:
        """How much is used up, from 0 to 1."""
        shares = [0.0]
        if self.epochs is not None:
            shares.append(epochs / self.epochs)
        if self.seconds is not None:
            shares.append(seconds / self.seconds)
        if self.steps is not None:
            shares.append(steps / self.steps)
        return min(max(shares), 1.0)


@dataclass(frozen=True)
class Step:
    """What an objective is given.

    Attributes:
        positions: Numbers of the samples of this batch, on the processor; of several processes that work on it, of
            those that are this one's.
        noise: Source of everything drawn at random in this step.
        fraction: How much of the epochs or of the time is used up, from 0 to 1.
        first: Place of the first of these samples in the batch.
        batch: Samples in the batch of all processes together; None if these are all.
        pooled: Makes a mean over these samples one over the whole batch.
    """

    positions: Tensor
    noise: torch.Generator
    fraction: float = 1.0
    first: int = 0
    batch: int | None = None
    pooled: Callable[[Tensor], Tensor] = alone

    def draw(self, draw: Callable[[int], Tensor], axis: int = 0) -> Tensor:
        """Something random for each sample: drawn for the whole batch, so that it is the same in any process.

        Args:
            draw: Draws it for so many samples.
            axis: Which axis of it goes through the samples.
        """
        if self.batch is None:
            return draw(len(self.positions))
        return draw(self.batch).narrow(axis, self.first, len(self.positions))


@dataclass(frozen=True)
class Measurement:
    """What an objective answers.

    Attributes:
        terms: Terms of the loss, in nats per image; their sum is minimised.
        images: How many images were worked on.
    """

    terms: Mapping[str, Tensor]
    images: int


Objective = Callable[[Step], Measurement]


@dataclass(frozen=True)
class EpochMeans:
    """Means of the terms over one epoch.

    Attributes:
        epoch: Counted from 1.
        steps: Steps made by its end.
        terms: Means over the steps of this epoch.
    """

    epoch: int
    steps: int
    terms: Mapping[str, float]


@dataclass(frozen=True)
class Outcome:
    """What a loop did.

    Attributes:
        steps: Steps made in all.
        epochs: Means of the terms, epoch by epoch; the last may be unfinished.
        interrupted: Whether somebody stopped it before its limit.
        seconds: Time taken; with a limit in epochs or steps alone, since the loop was started or resumed.
        images_per_second: Images worked on each second, since the loop was started or resumed.
    """

    steps: int
    epochs: tuple[EpochMeans, ...]
    interrupted: bool
    seconds: float
    images_per_second: float

    @property
    def ended(self) -> Literal["limit", "interrupted"]:
        """Why it stopped."""
        return "interrupted" if self.interrupted else "limit"


class Loop:
    """Minimises an objective over a set of samples, and can be stopped and taken up again after any step.

    Everything random depends on the seed and the number of the step only, so that with a limit in epochs or steps
    an interrupted and resumed loop ends where an uninterrupted one does, bit for bit.

    Attributes:
        stage: What is being trained, for reports and messages.
        learned: What is being learned.
        optimizer: Holds its parameters.
        step: Steps made.
    """

    def __init__(
        self,
        stage: str,
        learned: nn.Module,
        optimizer: torch.optim.Optimizer,
        objective: Objective,
        *,
        samples: int,
        batch_size: int,
        limit: Limit,
        seed: int,
        schedule: Schedule = "constant",
        device: torch.device | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Prepare, at step 0.

        Args:
            stage: What is being trained, for reports and messages.
            learned: What is being learned.
            optimizer: Holds its parameters; its step sizes are those at the top of the schedule.
            objective: The terms of the loss for some samples.
            samples: How many samples an epoch has.
            batch_size: Samples in a step; the last step of an epoch takes what is left.
            limit: When to stop.
            seed: What order and noise are drawn from.
            schedule: ``cosine`` warms up for 50 steps and falls to zero as the limit comes near.
            device: Where noise is drawn.
            clock: Tells the time for a limit in seconds; of several processes all must be told the same.
        """
        self.stage, self.learned, self.optimizer = stage, learned, optimizer
        self.step = 0
        self._objective, self._samples, self._batch_size = objective, samples, batch_size
        self._limit, self._seed, self._schedule = limit, seed, schedule
        self._device = device or torch.device("cpu")
        self._clock = clock
        self._rates = [group["lr"] for group in optimizer.param_groups]
        self._steps_per_epoch = math.ceil(samples / batch_size)
        self._epochs: list[EpochMeans] = []
        self._sums: dict[str, float] = {}
        self._spent = 0.0

    def run(self, progress: Progress = silent, on_epoch: Callable[[], object] = lambda: None) -> Outcome:
        """Go on until the limit.

        Args:
            progress: Called after each step.
            on_epoch: Called after each full epoch but the last, for checkpoints; before the next step descends, and
                only if that shows the weights to be good.

        Returns:
            What was done. If it was interrupted (`KeyboardInterrupt`), what was learned so far stays.

        Raises:
            TrainingError: The loss or a weight is not finite. The weights are then those after the last full epoch that
                were good: the next step did not cost more than twice what the first did.
        """
        if self._device.type == "cpu":
            keep_freed_memory()
        begun, started, images = time.perf_counter(), self._clock(), 0
        spent_before, used_before = self._spent, self._used()
        good, good_epochs, first = self._weights(), 0, None
        order = torch.empty(0, dtype=torch.int64)
        interrupted = False
        try:
            while (fraction := self._used()) < 1:
                epoch, index = divmod(self.step, self._steps_per_epoch)
                if not index or not len(order):
                    order = torch.randperm(self._samples, generator=self._generator("order", epoch))
                self._set_rate(fraction)
                positions = order[index * self._batch_size : (index + 1) * self._batch_size]
                noise = self._generator("noise", self.step, self._device)
                measured = self._objective(Step(positions, noise, fraction))
                terms = {name: float(term.detach()) for name, term in measured.terms.items()}
                loss = sum(terms.values())
                if not math.isfinite(loss):
                    what = f"the loss is {loss} at step {self.step + 1} (epoch {epoch + 1})"
                    raise self._diverged(what, good, good_epochs)
                if first is None:
                    first = loss
                elif not index and loss <= first + abs(first):  # the last step of an epoch can ruin its weights
                    good, good_epochs = self._weights(), epoch
                    on_epoch()
                self._descend(measured, terms)
                images += measured.images
                self._spent = spent_before + self._clock() - started
                done = self._used()
                progress(
                    Report(
                        stage=self.stage,
                        step=self.step,
                        epoch=epoch + 1,
                        fraction=done,
                        loss=loss,
                        terms=terms,
                        images_per_second=images / (self._spent - spent_before),
                        seconds_left=(self._spent - spent_before) * (1 - done) / (done - used_before),
                    )
                )
        except KeyboardInterrupt:
            interrupted = True
        if not all(bool(tensor.isfinite().all()) for tensor in self.learned.state_dict().values()):
            raise self._diverged(f"weights are not finite after step {self.step}, the last", good, good_epochs)
        elapsed = time.perf_counter() - begun
        return Outcome(self.step, self.epochs, interrupted, self._spent, images / elapsed)

    def _used(self) -> float:
        return self._limit.fraction(self.step / self._steps_per_epoch, self._spent, self.step)

    @property
    def epochs(self) -> tuple[EpochMeans, ...]:
        """Means of the terms of all full epochs, and of the unfinished one if there is any."""
        return (*self._epochs, *([self._means()] if self._sums else []))

    def to_bytes(self) -> bytes:
        """All that is needed to take up the loop again, as the content of a safetensors file."""
        tensors = {f"learned.{name}": tensor for name, tensor in self.learned.state_dict().items()}
        for number, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{key}": tensor for key, tensor in state.items()}
        header = {
            "kind": CHECKPOINT,
            "stage": self.stage,
            "step": self.step,
            "seconds": self._spent if self._limit.seconds is not None else 0.0,
            "sums": self._sums,
            "epochs": [[mean.epoch, mean.steps, dict(mean.terms)] for mean in self._epochs],
        }
        return pack_tensors(tensors, header)

    def save(self, path: Path) -> None:
        """Write all that is needed to take up the loop again as one safetensors file."""
        write_atomically(path, self.to_bytes())

    def resume(self, path: Path, content: bytes | None = None) -> None:
        """Go back to where `save` was called.

        Args:
            path: The file.
            content: Its content, if it was read already.

        Raises:
            RunError: The file is missing, damaged, or of another stage or network.
        """
        tensors, header = (
            read_tensors(path, CHECKPOINT) if content is None else unpack_tensors(content, path, CHECKPOINT)
        )
        stage = header.text("stage")
        if stage != self.stage:
            raise RunError(f"{path} is a checkpoint of {stage}, not of {self.stage}; train from the start")
        step, spent, sums = header.whole("step"), header.number("seconds"), _numbers(header.table("sums"))
        epochs = _epochs(header)
        state: dict[int, dict[str, Tensor]] = defaultdict(dict)
        weights = {name.removeprefix("learned."): t for name, t in tensors.items() if name.startswith("learned.")}
        try:
            for name, tensor in tensors.items():
                if name.startswith("optimizer."):
                    _, number, key = name.split(".", 2)
                    state[int(number)][key] = tensor
            self._check_state(state)
            self.learned.load_state_dict(weights)
            groups = self.optimizer.state_dict()["param_groups"]
            self.optimizer.load_state_dict({"state": dict(state), "param_groups": groups})
        except (RuntimeError, ValueError, KeyError, IndexError, TypeError) as error:
            raise RunError(f"{path} does not fit this network; train from the start") from error
        self.step, self._spent, self._sums, self._epochs = step, spent, sums, epochs

    def _check_state(self, state: Mapping[int, Mapping[str, Tensor]]) -> None:
        """See that there is a state for each parameter, of its shape; torch itself looks only when it steps."""
        parameters = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        trial = nn.Parameter(torch.zeros(1))
        trial.grad = torch.zeros(1)
        make: Callable[[list[nn.Parameter]], torch.optim.Optimizer] = type(self.optimizer)
        usual = make([trial])
        usual.step()
        for number, kept in state.items():
            shapes = {tensor.shape for tensor in kept.values() if tensor.dim()}
            if kept.keys() != usual.state[trial].keys() or shapes - {parameters[number].shape}:
                raise ValueError(f"no state of parameter {number}")

    def _generator(self, purpose: str, counter: int, device: torch.device | str = "cpu") -> torch.Generator:
        return generator_for(self._seed, f"{self.stage} {purpose}", counter, device)

    def _set_rate(self, fraction: float) -> None:
        if self._schedule == "cosine":
            factor = 0.5 * (1 + math.cos(math.pi * fraction)) * min(1.0, (self.step + 1) / _WARM_UP_STEPS)
            for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
                group["lr"] = rate * factor

    def _diverged(self, what: str, good: dict[str, Tensor], good_epochs: int) -> TrainingError:
        self.learned.load_state_dict(good)
        kept = f"the weights after epoch {good_epochs}" if good_epochs else "the weights it began with"
        return TrainingError(f"{self.stage} diverged: {what}. It keeps {kept}; try a smaller learning rate")

    def _descend(self, measured: Measurement, terms: Mapping[str, float]) -> None:
        """One step of the optimizer, whose terms are counted."""
        loss = torch.stack(list(measured.terms.values())).sum()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it unannotated
        with whole_steps():
            self.optimizer.step()
            self.step += 1
            for name, value in terms.items():
                self._sums[name] = self._sums.get(name, 0.0) + value
            if self.step % self._steps_per_epoch == 0:
                self._epochs.append(self._means())
                self._sums = {}

    def _means(self) -> EpochMeans:
        epoch, beyond = divmod(self.step - 1, self._steps_per_epoch)
        return EpochMeans(epoch + 1, self.step, {name: total / (beyond + 1) for name, total in self._sums.items()})

    def _weights(self) -> dict[str, Tensor]:
        return {name: tensor.clone() for name, tensor in self.learned.state_dict().items()}


def _numbers(table: Fields) -> dict[str, float]:
    return {name: table.number(name) for name in table.data}


def _epochs(header: Fields) -> list[EpochMeans]:
    """The means of each epoch, each written as a list of its three parts."""
    items = header.data.get("epochs")
    if not isinstance(items, list) or not all(isinstance(item, list) and len(item) == 3 for item in items):
        raise header.wrong("epochs", "a list of lists of three", items)
    names = ("epoch", "steps", "terms")
    tables = [
        header.within(f"epochs, number {n}", dict(zip(names, item, strict=True))) for n, item in enumerate(items, 1)
    ]
    return [EpochMeans(table.whole("epoch"), table.whole("steps"), _numbers(table.table("terms"))) for table in tables]
