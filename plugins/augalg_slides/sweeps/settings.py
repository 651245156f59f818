"""What a sweep was asked for, and which trainings and cells follow from it."""

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from augalg_slides.sweeps.pairs import PUBLISHED_TOTALS, SLIDES, Pair, canonical_pairs
from augalgebra.catalog import Catalog, find_head
from augalgebra.data import Dataset
from augalgebra.errors import AugalgebraError
from augalgebra.latent import LikelihoodName, find_likelihood
from augalgebra.operators import origin
from augalgebra.plain import PlainData
from augalgebra.runs import Mode
from augalgebra.training import Preset, TrainSettings, default_epochs

CellMode = Literal["native", "relabel", "extend"]
"""How a cell is drawn: by what stage 1 trained, or by a new head in one of the modes of stage 3."""

NATIVE: CellMode = "native"
MODES: tuple[Mode, ...] = ("relabel", "extend")
_DIGITS = 20
_PUBLISHED: LikelihoodName = "bernoulli"  # of the slides, and of sweeps that say nothing of it


@dataclass(frozen=True)
class SweepSettings(PlainData):
    """What a sweep was asked for.

    Attributes:
        pairs: The initial pairs; one training of stages 1 and 2 for each and each seed.
        targets: The pairs that each training is transferred to; those of `pairs` by default.
        seeds: Seeds of everything drawn at random.
        modes: Modes of stage 3.
        data: Name of the data set.
        preset: Recipe of the training.
        likelihood: How drawn pixels are compared with true ones; None lets the images decide.
        dim: Latent coordinates; 0 stands for what suits the images.
        width: Channels after the first convolution; 0 stands for the preset's.
        kl_weight: Weight of the divergence from the prior in stage 1.
        epochs: Passes over the data in stage 1, and
        seconds: time for it, whichever is over first; without either it is `default_epochs`.
        transfer_epochs: The same for each new head, and
        transfer_seconds: likewise.
        decoder: Decoder of a plugin that each new head has; None stands for the mirror image of the encoder.
        transfer_rate: Step size for new heads; 0 stands for the preset's.
        fit: Name of the fit of stage 2; None lets the laws decide.
        device: ``auto``, ``cpu``, ``cuda``, …; results are kept apart by what they are, not by where they were made.
        size: Height and width that a folder's pictures are brought to; None takes them as they are.

    Raises:
        AugalgebraError: A value is impossible.
    """

    pairs: tuple[Pair, ...] = SLIDES
    targets: tuple[Pair, ...] = ()
    seeds: tuple[int, ...] = (0,)
    modes: tuple[Mode, ...] = MODES
    data: str = "digits"
    preset: Preset = "equivariant"
    likelihood: LikelihoodName | None = None
    dim: int = 0
    width: int = 0
    kl_weight: float = 1.0
    epochs: int | None = None
    seconds: float | None = None
    transfer_epochs: int | None = None
    transfer_seconds: float | None = None
    decoder: str | None = None
    transfer_rate: float = 0.0
    fit: str | None = None
    device: str = "auto"
    size: int | None = None

    def __post_init__(self) -> None:
        if not self.targets:
            object.__setattr__(self, "targets", self.pairs)
        for name in ("pairs", "targets", "seeds", "modes"):
            values = getattr(self, name)
            if not values or len(set(values)) != len(values):
                raise AugalgebraError(f"a sweep needs at least one of its {name}, and each only once")
        unknown = [mode for mode in self.modes if mode not in MODES]
        if unknown:
            raise AugalgebraError(f"there is no mode {unknown[0]!r} of stage 3; there are {', '.join(MODES)}")
        for name in ("transfer_epochs", "transfer_seconds"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise AugalgebraError(f"{name} must be larger than 0, not {value}")
        if not 0 <= self.transfer_rate < math.inf:
            raise AugalgebraError(f"transfer_rate must be a finite number from 0, not {self.transfer_rate}")
        self.training(self.pairs[0], self.seeds[0])  # whose values are checked there

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "SweepSettings":
        """Settings from plain data.

        Raises:
            AugalgebraError: A name is unknown, or a value is impossible.
        """
        known = {item.name for item in fields(cls)}
        unknown = [name for name in values if name not in known]
        if unknown:
            raise AugalgebraError(f"there is no setting {unknown[0]!r} of a sweep")
        given = dict(values)
        for name in ("pairs", "targets"):
            if name in given:
                given[name] = tuple((str(first), str(second)) for first, second in given[name])
        for name in ("seeds", "modes"):
            if name in given:
                given[name] = tuple(given[name])
        return cls(**given)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; without what earlier sweeps did not know, where it is as it was with these."""
        usual = {"size": None, "kl_weight": 1.0, "decoder": None, "transfer_rate": 0.0}
        return {name: item for name, item in super().to_dict().items() if name not in usual or item != usual[name]}

    @property
    def unit(self) -> str:
        """What losses are counted in, for each image."""
        return find_likelihood(self.likelihood or _PUBLISHED).unit

    @property
    def digits(self) -> int:
        """Decimals that losses are told with; squared errors are below 1."""
        return 1 if self.comparable else 4

    @property
    def comparable(self) -> bool:
        """Whether losses are counted in what the slides' are."""
        return self.unit == find_likelihood(_PUBLISHED).unit

    def published(self, train: Pair, target: Pair) -> float | None:
        """The slides' figure of a cell; None if they have none, or losses are in another unit than theirs."""
        return PUBLISHED_TOTALS.get((train, target)) if self.comparable else None

    def completed(self, catalog: Catalog, data: Dataset) -> "SweepSettings":
        """The same with every name as the catalog writes it, and every open budget filled in.

        Raises:
            AugalgebraError: An augmentation is unknown, or a pair is none.
        """
        epochs = default_epochs(self.preset, len(data.train))
        filled = self.training(self.pairs[0], self.seeds[0]).for_images(data.train.images)
        changes: dict[str, Any] = {name: getattr(filled, name) for name in ("likelihood", "dim", "width")}
        changes["size"] = data.size
        if self.epochs is None and self.seconds is None:
            changes["epochs"] = epochs
        if self.transfer_epochs is None and self.transfer_seconds is None:
            changes["transfer_epochs"] = epochs
        return replace(
            self,
            pairs=canonical_pairs(self.pairs, catalog),
            targets=canonical_pairs(self.targets, catalog),
            **changes,
        )

    def training(self, pair: Pair, seed: int) -> TrainSettings:
        """Settings of stages 1 and 2 for one pair and seed."""
        return TrainSettings(
            data=self.data,
            augmentations=pair,
            preset=self.preset,
            likelihood=self.likelihood,
            dim=self.dim,
            width=self.width,
            kl_weight=self.kl_weight,
            epochs=self.epochs,
            seconds=self.seconds,
            fit=self.fit,
            seed=seed,
            device=self.device,
            size=self.size,
        )


@dataclass(frozen=True)
class CellKey(PlainData):
    """Which cell, and all that its numbers depend on; nothing of when, where or by whom it is computed.

    Attributes:
        train: The initial pair.
        target: The pair that is drawn.
        mode: How.
        seed: Seed of everything drawn at random.
        settings: Every setting of the trainings, the fingerprint of the data, and the laws of the augmentations.
    """

    train: Pair
    target: Pair
    mode: CellMode
    seed: int
    settings: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """The name its file has."""
        return _digest(self.to_dict())

    def __str__(self) -> str:
        return f"{', '.join(self.train)} → {', '.join(self.target)}, {self.mode}, seed {self.seed}"


@dataclass(frozen=True)
class Unit:
    """What is computed in one go: a training of stages 1 and 2, and the cells that start from it.

    Attributes:
        training: Settings of stages 1 and 2.
        folder: Name of the run's folder below that of the runs.
        cells: What to measure.
    """

    training: TrainSettings
    folder: str
    cells: tuple[CellKey, ...]


def plan(settings: SweepSettings, catalog: Catalog, data: Dataset) -> tuple[Unit, ...]:
    """Every training of a sweep with its cells.

    Args:
        settings: What was asked for, completed.
        catalog: Augmentations and their laws.
        data: The data set.

    Raises:
        AugalgebraError: No plugin offers the decoder, or several do.
    """
    return tuple(
        Unit(training, _run_folder(training, _described(training, (pair,), catalog, data)), cells)
        for seed in settings.seeds
        for pair in settings.pairs
        for training in [settings.training(pair, seed).for_images(data.train.images)]
        for cells in [tuple(_cells(settings, training, catalog, data))]
    )


def _cells(settings: SweepSettings, training: TrainSettings, catalog: Catalog, data: Dataset) -> Iterator[CellKey]:
    first, second = training.augmentations
    pair = first, second
    heads: dict[str, Any] = {name: getattr(settings, name) for name in ("transfer_epochs", "transfer_seconds")}
    if settings.transfer_rate:
        heads["transfer_rate"] = settings.transfer_rate
    if settings.decoder is not None:
        heads["decoder"] = decoder_origin(catalog, settings.decoder)
    for target in settings.targets:
        described = _described(training, (pair, target), catalog, data)
        if target == pair:
            yield CellKey(pair, target, NATIVE, training.seed, described)
        for mode in settings.modes:
            yield CellKey(pair, target, mode, training.seed, described | heads)


def decoder_origin(catalog: Catalog, name: str) -> list[str]:
    """A decoder with the plugin that offers it and the version of that.

    Raises:
        AugalgebraError: No plugin offers it, or several do.
    """
    plugin, _ = find_head(catalog, name)
    return [name, plugin.name, plugin.version]


def _described(training: TrainSettings, pairs: Sequence[Pair], catalog: Catalog, data: Dataset) -> dict[str, Any]:
    """Settings of a training as they enter a digest: names in full, laws of plugins, contents of the data."""
    names = sorted({symbol.name for pair in pairs for word in pair for symbol in catalog.word(word).symbols})
    values = training.described()
    for name in ("augmentations", "seed", "device", "data"):
        del values[name]
    return {
        **values,
        "data": data.fingerprint,
        "augmentations": {name: list(origin(catalog, name)) for name in names},
    }


def _run_folder(training: TrainSettings, described: Mapping[str, Any]) -> str:
    names = "-".join(re.sub(r"\W+", "_", name).strip("_") for name in training.augmentations)
    described = {**described, "pair": list(training.augmentations), "seed": training.seed}
    return f"{names}-seed{training.seed}-{_digest(described)[:8]}"


def _digest(value: Mapping[str, Any]) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
