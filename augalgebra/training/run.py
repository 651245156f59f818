"""A run: the folder that holds one trained latent space with its operators and how they came about."""

import functools
import json
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from augalgebra import __version__
from augalgebra.catalog import Catalog
from augalgebra.catalog.heads import head_factory
from augalgebra.errors import RunError
from augalgebra.files import write_atomically
from augalgebra.latent.lavae import LAVAE
from augalgebra.operators import OperatorRegistry
from augalgebra.operators.store import load_registry, save_registry
from augalgebra.training.data import Dataset
from augalgebra.training.loop import EpochMeans
from augalgebra.training.settings import TrainSettings
from augalgebra.training.toml import read_toml, to_toml

SETTINGS = "run.toml"
MODEL = "model.safetensors"
OPERATORS = "operators.safetensors"
METRICS = "metrics.jsonl"
CHECKPOINT = "checkpoint.safetensors"

Ending = Literal["limit", "interrupted", "diverged", "unfinished"]
"""Why training ended: its limit, somebody, a loss that was not finite; or not yet."""

Mode = Literal["relabel", "extend"]
"""How stage 3 finds operators for new augmentations: it reuses trained ones, or fits new ones."""


@dataclass(frozen=True)
class Transfer:
    """A head that stage 3 trained.

    Attributes:
        head: Its name.
        augmentations: The new augmentations, in full names.
        mode: ``relabel`` or ``extend``.
        operators: For each new augmentation the one whose operator leads to where the head draws it; itself if it
            was given an operator of its own.
        steps: Steps made.
        ended: Why training ended.
        origin: Digest of the augmentations and operators that it was trained on; empty if that was not kept.
    """

    head: str
    augmentations: tuple[str, ...]
    mode: Mode
    operators: tuple[str, ...]
    steps: int
    ended: Ending
    origin: str = ""

    @property
    def meanings(self) -> dict[str, str]:
        """The augmentation whose operator stands for each new one."""
        return dict(zip(self.augmentations, self.operators, strict=True))


def of_run(registry: OperatorRegistry, folder: Path) -> OperatorRegistry:
    """The same registry; its messages now say how an operator is added to the run in this folder."""
    registry.remedy = lambda name: f"'augalg operators {folder} --add \"{name}\"' fits one"
    return registry


@dataclass
class Run:
    """One trained latent space with its operators and how they came about.

    Attributes:
        folder: Where it is kept.
        settings: What was asked for, with the preset's values filled in.
        space: The latent space.
        registry: Its operators.
        data: Name, fingerprint and sizes of the data set.
        steps: Steps of stage 1.
        ended: Why stage 1 ended.
        transfers: Heads of stage 3, by name.
        metrics: One entry for each epoch of each stage.
    """

    folder: Path
    settings: TrainSettings
    space: LAVAE
    registry: OperatorRegistry
    data: Mapping[str, Any]
    steps: int = 0
    ended: Ending = "unfinished"
    transfers: dict[str, Transfer] = field(default_factory=dict)
    metrics: list[dict[str, Any]] = field(default_factory=list)

    @staticmethod
    def exists(folder: str | Path) -> bool:
        """Whether there is a run in a folder."""
        return (Path(folder) / SETTINGS).exists()

    @classmethod
    def load(cls, folder: str | Path, catalog: Catalog, *, accept_stale: bool = False) -> "Run":
        """Read a run.

        A run whose training was cut off before stage 2, or diverged, has no operators; its registry is empty.

        Args:
            folder: The run's folder.
            catalog: Augmentations and their laws, as they are now.
            accept_stale: Take operators of augmentations that have changed since; they then say so.

        Raises:
            RunError: The folder is no run, or its files are damaged or do not belong together.
            StaleOperatorError: Laws or plugins have changed since; the message names each.
        """
        folder = Path(folder)
        tables = read_toml(folder / SETTINGS)
        space = LAVAE.load(folder / MODEL, functools.partial(head_factory, catalog))
        try:
            settings = TrainSettings.from_mapping(tables["settings"])
            stated = tables["run"]
            steps, ended, encoder = stated["steps"], stated["ended"], stated["encoder"]
            transfers = {
                name: Transfer(
                    name,
                    tuple(item["augmentations"]),
                    item["mode"],
                    tuple(item["operators"]),
                    item["steps"],
                    item["ended"],
                    item.get("origin", ""),
                )
                for name, item in tables.get("transfer", {}).items()
            }
        except (KeyError, TypeError) as error:
            raise RunError(f"{folder / SETTINGS} is incomplete: {error} is missing; train it again") from error
        if settings.dim != space.dim or encoder != space.fingerprint():
            raise RunError(
                f"{folder / MODEL} is not the model that {SETTINGS} speaks of (its encoder is "
                f"{space.fingerprint()[:12]} with {space.dim} coordinates, not {encoder[:12]} with {settings.dim}); "
                "files of different runs were mixed"
            )
        missing = [head for head in transfers if head not in space.heads]
        if missing:
            raise RunError(f"{folder / MODEL} lacks the head {missing[0]}; files of different runs were mixed")
        registry = OperatorRegistry.of(space, catalog)
        if (folder / OPERATORS).exists() or ended in ("limit", "interrupted"):
            registry = load_registry(folder / OPERATORS, space, catalog, accept_stale=accept_stale)
        metrics = _read_lines(folder / METRICS)
        data = tables.get("data", {})
        return cls(folder, settings, space, of_run(registry, folder), data, steps, ended, transfers, metrics)

    def save(self) -> None:
        """Write everything; each file is replaced in one step.

        Raises:
            AugalgebraError: A file cannot be written.
        """
        self.space.save(self.folder / MODEL)
        if len(self.registry):
            save_registry(self.registry, self.folder / OPERATORS)
        lines = [json.dumps(entry, ensure_ascii=False) + "\n" for entry in self.metrics]
        write_atomically(self.folder / METRICS, "".join(lines))
        write_atomically(self.folder / SETTINGS, to_toml(self._tables()))

    def clear(self, *, keep_checkpoint: bool = False) -> None:
        """Remove what an earlier run left in the folder."""
        names = (SETTINGS, MODEL, OPERATORS, METRICS, *(() if keep_checkpoint else (CHECKPOINT,)))
        for name in names:
            (self.folder / name).unlink(missing_ok=True)

    def check_resumable(self) -> None:
        """Raise `RunError` unless the folder holds an interrupted run with the same settings and data."""
        tables = read_toml(self.folder / SETTINGS)
        if not (self.folder / CHECKPOINT).exists():
            raise RunError(f"{self.folder} has nothing to resume: its training ended; train into another folder")
        for table, now in (("settings", self.settings.to_mapping()), ("data", dict(self.data))):
            before = tables.get(table, {})
            for key in sorted(before.keys() | now.keys()):
                if _plain(before.get(key)) != _plain(now.get(key)):
                    raise RunError(
                        f"{self.folder} was trained with {key} = {before.get(key)}, not {now.get(key)}; "
                        "resume with the same settings and data"
                    )

    def check_data(self, data: Dataset) -> None:
        """Raise `RunError` unless it was trained on these data."""
        if data.fingerprint != self.data.get("fingerprint"):
            raise RunError(
                f"{data.name} is not what {self.folder} was trained on ({self.data.get('name')}, other images); "
                "name the same data set"
            )

    def record(self, stage: str, epochs: Iterable[EpochMeans], **more: object) -> None:
        """Put the means of each epoch of a stage into the metrics, in place of what was there of that stage."""
        label = {"stage": stage, **more}
        self.metrics = [entry for entry in self.metrics if any(entry.get(key) != label[key] for key in label)]
        self.metrics += [
            {
                **label,
                "epoch": means.epoch,
                "steps": means.steps,
                "loss": sum(means.terms.values()),
                "terms": dict(means.terms),
            }
            for means in epochs
        ]

    def _tables(self) -> dict[tuple[str, ...], Mapping[str, Any]]:
        # Nothing here depends on the time or the place, so that equal runs give equal files.
        tables: dict[tuple[str, ...], Mapping[str, Any]] = {
            ("run",): {"steps": self.steps, "ended": self.ended, "encoder": self.space.fingerprint()},
            ("settings",): self.settings.to_mapping(),
            ("data",): self.data,
            ("versions",): {
                "augalgebra": __version__,
                "python": platform.python_version(),
                "torch": torch.__version__,
                "numpy": np.__version__,
            },
        }
        for name, transfer in self.transfers.items():
            entries = asdict(transfer)
            tables["transfer", name] = {key: entries[key] for key in entries if key != "head"}
        return tables


def _read_lines(path: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    except (ValueError, OSError) as error:
        raise RunError(f"{path} is damaged: {error}") from error


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def describe(data: Dataset) -> dict[str, Any]:
    """What ``run.toml`` says of a data set."""
    return {
        "name": data.name,
        "fingerprint": data.fingerprint,
        "train": len(data.train),
        "test": len(data.test),
        "image_shape": list(data.image_shape),
    }
