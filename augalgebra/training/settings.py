"""All that a training run was asked for, with the values of each preset and likelihood."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import torch
from jaxtyping import UInt8
from torch import Tensor

from augalgebra.data.dataset import Dataset
from augalgebra.data.loading import load_data
from augalgebra.errors import AugalgebraError, nearest
from augalgebra.latent.likelihoods import LIKELIHOODS, LikelihoodName, choose_likelihood
from augalgebra.seeds import MOST, check_seed
from augalgebra.storage.values import Fields

Preset = Literal["equivariant", "faithful"]
Precision = Literal["auto", "float32", "bfloat16"]

UNSAID: Mapping[str, Any] = {"likelihood": "bernoulli"}
"""What settings mean that were written before there was a choice."""

PUBLISHED_EPOCHS = 100
"""Epochs of the published stages 1 and 3."""

_DEFAULTS: dict[Preset, dict[str, Any]] = {
    "equivariant": {"dim": 16, "width": 32, "learning_rate": 8e-3, "batch_size": 32},
    "faithful": {"dim": 16, "width": 64, "learning_rate": 1e-3, "batch_size": 64},
}

_MNIST_SIDE = 28  # for which the step sizes of the equivariant preset were found

# Without it some runs never use their codes at all; after 240,000 views of MNIST direct views cost 79.7 nats, not 75.9.
_KL_WARMUP: dict[Preset, float] = {"equivariant": 0.1, "faithful": 0.0}

_TRANSFER_DEFAULTS: dict[Preset, tuple[float, int]] = {"equivariant": (1.6e-2, 16), "faithful": (1e-3, 64)}

# The equivariant preset shows a small data set so often that it has shown about this many originals.
_ORIGINALS, _FEWEST_EPOCHS, _MOST_EPOCHS = 60_000, 10, 60


@dataclass(frozen=True)
class TrainSettings:
    """What a training run was asked for.

    Attributes:
        data: Name of the data set, see `augalgebra.data.loading.load_data`.
        size: Height and width that a folder's pictures are brought to; None takes them as they are. A data set that is
            in memory already decides itself.
        augmentations: Any number of them, as words of one letter.
        preset: ``faithful`` is the published recipe; ``equivariant`` also draws moved latents.
        likelihood: How drawn pixels are compared with true ones, see `augalgebra.latent.likelihoods`; None lets the
            images decide: ``bernoulli`` where they are nearly black and white, and ``gaussian`` otherwise.
        dim: Latent coordinates; 0 stands for what suits the images.
        width: Channels after the first convolution; 0 stands for the preset's.
        epochs: Passes over the data in stage 1; with `seconds`, whichever is over first. Without either it is
            `default_epochs`.
        seconds: Time for stage 1; how far one gets then depends on the machine.
        batch_size: Samples in a step: views (faithful), or images with all their views (equivariant); 0 stands for
            the preset's.
        learning_rate: Step size of stage 1; 0 stands for the preset's.
        kl_weight: Weight of the divergence from the prior.
        kl_warmup: Over which fraction of stage 1, from 0 to 1, that weight rises from 0 to its value; 0 is none,
            None stands for the preset's.
        fit: Name of the fit of stage 2. None lets the laws decide, except for operators that the equivariant preset
            learned along; where the preset is faithful, a representation then has a readout and is turned until the
            decoder draws moved codes well (``representation+decoder``).
        seed: Seed of everything that is random.
        device: ``auto``, ``cpu``, ``cuda``, ….
        precision: ``auto`` is bfloat16 for the equivariant preset where that is faster, and float32 otherwise.

    Raises:
        AugalgebraError: A value is impossible.
    """

    data: str = "digits"
    augmentations: tuple[str, ...] = ("flip_lr", "flip_ud")
    preset: Preset = "equivariant"
    likelihood: LikelihoodName | None = None
    dim: int = 0
    width: int = 0
    epochs: int | None = None
    seconds: float | None = None
    batch_size: int = 0
    learning_rate: float = 0.0
    kl_weight: float = 1.0
    kl_warmup: float | None = None
    fit: str | None = None
    seed: int = 0
    device: str = "auto"
    precision: Precision = "auto"
    size: int | None = None

    def __post_init__(self) -> None:
        _one_of("preset", self.preset, get_args(Preset))
        _one_of("precision", self.precision, get_args(Precision))
        if self.likelihood is not None:
            _one_of("likelihood", self.likelihood, tuple(LIKELIHOODS))
        check_seed(self.seed)
        for name in ("seed", "epochs", "size", "dim", "width", "batch_size"):
            value = getattr(self, name)
            if value is not None and type(value) is not int:
                raise AugalgebraError(f"{name} must be a whole number, not {value!r:.60}")
        for name in ("epochs", "seconds"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise AugalgebraError(f"{name} must be larger than 0, not {value}")
        if self.size is not None and self.size < 1:
            raise AugalgebraError(f"size must be at least 1, or None, not {self.size}")
        for name in ("dim", "width", "batch_size", "learning_rate"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise AugalgebraError(f"{name} must be larger than 0, or 0 for the usual value, not {value}")
        if not (math.isfinite(self.kl_weight) and self.kl_weight >= 0):
            raise AugalgebraError(f"kl_weight must be a finite number of at least 0, not {self.kl_weight}")
        try:
            torch.device("cpu" if self.device == "auto" else self.device)
        except RuntimeError as error:
            raise AugalgebraError(f"there is no device {self.device!r}; use 'cpu', 'cuda', … or 'auto'") from error
        if not 0 <= self.warmup <= 1:
            raise AugalgebraError(f"kl_warmup is a fraction of stage 1, from 0 to 1, not {self.kl_warmup}")

    @property
    def warmup(self) -> float:
        """`kl_warmup`, which is a number once the preset's values are filled in."""
        return self.kl_warmup or 0.0

    def load_data(self, data_dir: str | Path | None = None) -> Dataset:
        """The data set.

        Args:
            data_dir: Where data sets lie.

        Raises:
            AugalgebraError: It cannot be had, see `augalgebra.data.loading.load_data`.
        """
        return load_data(self.data, data_dir, size=self.size)

    def for_images(self, images: UInt8[Tensor, "image channel height width"]) -> "TrainSettings":
        """The same with all that was left open filled in, but for `epochs` and `fit`.

        Args:
            images: Those that will be learned from.
        """
        likelihood = self.likelihood or choose_likelihood(images)
        usual = dict(_DEFAULTS[self.preset])
        channels, height, breadth = images.shape[1:]
        if likelihood == "gaussian":
            # the power of two nearest to the root of the number of pixels: 32 for 28×28, 128 for 64×64 in colour
            usual["dim"] = 2 ** round(math.log2(channels * height * breadth) / 2)
        usual["learning_rate"] *= _slower(self.preset, likelihood, (channels, height, breadth))
        changes = {name: value for name, value in usual.items() if not getattr(self, name)}
        if self.kl_warmup is None:
            changes["kl_warmup"] = _KL_WARMUP[self.preset]
        return replace(self, likelihood=likelihood, **changes)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TrainSettings":
        """Settings from plain data, as in ``run.toml``.

        Raises:
            AugalgebraError: A name is unknown, or a value is impossible.
        """
        names = [item.name for item in fields(cls)]
        for name in values:
            if name not in names:
                near = nearest(name, names, 1)
                raise AugalgebraError(f"there is no setting {name!r}" + (f"; did you mean {near[0]}?" if near else ""))
        table = Fields(values, "settings")
        return cls(**{item.name: _read(table, item.name, item.type) for item in fields(cls) if item.name in table})

    def to_dict(self) -> dict[str, Any]:
        """Plain data without what was left open."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def described(self) -> dict[str, Any]:
        """The same as it enters digests: without what was the only choice when the first of them were made."""
        values = self.to_dict()
        return {key: value for key, value in values.items() if (key, value) != ("likelihood", "bernoulli")}


def default_epochs(preset: Preset, originals: int) -> int:
    """How many epochs stages 1 and 3 have where neither epochs nor seconds are given.

    Args:
        preset: The preset.
        originals: How many images there are to learn from.
    """
    if preset == "faithful":
        return PUBLISHED_EPOCHS
    return min(_MOST_EPOCHS, max(_FEWEST_EPOCHS, round(_ORIGINALS / originals)))


def transfer_defaults(
    preset: Preset, likelihood: LikelihoodName, image_shape: tuple[int, int, int]
) -> tuple[float, int]:
    """Learning rate and batch size of stage 3."""
    rate, batch_size = _TRANSFER_DEFAULTS[preset]
    return rate * _slower(preset, likelihood, image_shape), batch_size


def _slower(preset: Preset, likelihood: LikelihoodName, image_shape: tuple[int, int, int]) -> float:
    """What the steps of large pictures are multiplied by: the layers to and from codes are wider by a square of it."""
    if preset == "faithful" or likelihood == "bernoulli":
        return 1.0  # as published, and as every run was before
    return min(1.0, _MNIST_SIDE / math.sqrt(math.prod(image_shape[1:])))


def _read(table: Fields, name: str, kind: object) -> Any:
    """A value of the type that a field of the settings has."""
    kinds = get_args(kind) or (kind,)
    if tuple in kinds or get_origin(kind) is tuple:
        return table.texts(name, 1000)
    if table.data[name] is None and type(None) in kinds:
        return None
    if float in kinds:
        return table.number(name)
    if int in kinds:
        return table.whole(name, -MOST, MOST)
    return table.text(name)


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        near = nearest(value, allowed, 1)
        raise AugalgebraError(
            f"there is no {name} {value!r}; there are {', '.join(allowed)}"
            + (f". Did you mean {near[0]}?" if near else "")
        )
