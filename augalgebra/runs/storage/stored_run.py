"""A trained latent space with its operators and how they came about, as a folder holds it."""

import functools
import hashlib
import json
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

import numpy as np
import torch

from augalgebra import __version__
from augalgebra.algebra.words import Word
from augalgebra.catalog import Catalog
from augalgebra.catalog.contributions import head_factory
from augalgebra.data.dataset import Dataset
from augalgebra.errors import RunError
from augalgebra.latent.lavae import LAVAE
from augalgebra.latent.networks import fingerprint_of
from augalgebra.latent.protocol import MAIN_HEAD
from augalgebra.operators import OperatorRegistry
from augalgebra.operators.lookup import Entry, FamilyEntry
from augalgebra.operators.store import load_registry, pack_registry
from augalgebra.runs.storage.code_density import CodeDensity
from augalgebra.runs.storage.density_store import pack_density, unpack_density
from augalgebra.runs.storage.files import (
    CHECK,
    CHECKPOINT,
    DENSITY,
    GALLERY,
    METRICS,
    MODEL,
    OPERATORS,
    SETTINGS,
    Change,
    Pointer,
    read_run_files,
    stage_run_files,
)
from augalgebra.runs.storage.records import Ending, RunRecord, Transfer, read_metrics
from augalgebra.runs.storage.run_folder import TrainedRunFolder
from augalgebra.storage.locks import lock
from augalgebra.storage.values import Fields, show_value
from augalgebra.training.loop import EpochMeans
from augalgebra.training.settings import UNSAID, TrainSettings


class Hinting(Protocol):
    """A registry whose messages say what to do about an augmentation without an operator."""

    missing_hint: Callable[[str], str]


R = TypeVar("R", bound=Hinting)


def of_run(registry: R, folder: Path) -> R:
    """The same registry; its messages now say how an operator is added to the run in this folder."""
    registry.missing_hint = lambda name: f"'augalg operators {folder} --add \"{name}\"' fits one"
    return registry


@dataclass
class StoredRun(TrainedRunFolder):
    """What is kept of one trained latent space; `augalgebra.runs.Run` is this with all that is done with one.

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
        density: How likely codes are, if that was fitted.
        revision: Which state of the folder this is; empty if it was not read from there.
        in_transaction: Whether a transaction is open, which alone writes the run then.
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
    density: CodeDensity | None = None
    revision: str = ""
    in_transaction: bool = field(default=False, repr=False, compare=False)
    _described: str = field(default="", repr=False)

    @classmethod
    def load(cls, folder: str | Path, catalog: Catalog, *, accept_stale: bool = False) -> Self:
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
        pointer, contents = read_run_files(folder)
        record = RunRecord.of(folder, pointer)
        settings, transfers = record.settings, record.transfers
        factory = functools.partial(head_factory, catalog)
        space = LAVAE.load(folder / MODEL, factory, content=contents.get(MODEL))
        if settings.dim != space.dim or record.encoder != space.fingerprint():
            raise RunError(
                f"{folder / MODEL} is not the model that {SETTINGS} speaks of (its encoder is "
                f"{space.fingerprint()[:12]} with {space.dim} coordinates, not {record.encoder[:12]} with "
                f"{settings.dim}); files of different runs were mixed"
            )
        catalog = catalog.for_size(*space.architecture.image_shape[1:])
        missing = [head for head in transfers if head not in space.heads]
        if missing:
            raise RunError(f"{folder / MODEL} lacks the head {missing[0]}; files of different runs were mixed")
        if pointer.digests is None:
            for head in {*space.heads} - {MAIN_HEAD, *transfers}:  # left by a change that was cut off
                space.remove_head(head)
        registry = OperatorRegistry.of(space, catalog)
        if OPERATORS in contents or record.ended in ("limit", "interrupted"):
            registry = load_registry(
                folder / OPERATORS, space, catalog, accept_stale=accept_stale, content=contents.get(OPERATORS)
            )
        metrics = read_metrics(folder / METRICS, contents.get(METRICS, b""))
        run = cls(
            folder,
            settings,
            space,
            of_run(registry, folder),
            record.data,
            record.steps,
            record.ended,
            transfers,
            metrics,
        )
        if DENSITY in contents:
            run.density = unpack_density(contents[DENSITY], folder / DENSITY)
            if run.density.encoder != record.encoder:
                raise RunError(f"{folder / DENSITY} is of another encoder; files of different runs were mixed")
        run.revision, run._described = pointer.revision, run._digest()
        return run

    @contextmanager
    def stage(self, *, checkpoint: bytes | None = None, finished: bool = False) -> Iterator[Change]:
        """Write everything beside what is there, for the block to publish as one change; see `save`."""
        with lock(self.folder, "changed"):
            self.check_current()
            lines = [json.dumps(entry, ensure_ascii=False) + "\n" for entry in self.metrics]
            contents = {MODEL: self.space.to_bytes(), METRICS: "".join(lines).encode()}
            if len(self.registry):
                contents[OPERATORS] = pack_registry(self.registry)
            if self.density is not None:
                contents[DENSITY] = pack_density(self.density)
            if checkpoint is not None:
                contents[CHECKPOINT] = checkpoint
            carried = () if finished or checkpoint is not None else (CHECKPOINT,)
            described = self._digest()

            def fresh(old: Pointer, digests: Mapping[str, str]) -> tuple[str, ...]:
                known = old.digests or {}
                if all(known.get(name) == digests.get(name) for name in (MODEL, OPERATORS)):
                    return old.derived
                return tuple(name for name in old.derived if described == self._described and name in (CHECK, GALLERY))

            with stage_run_files(self.folder, contents, self._tables(), carried=carried, fresh=fresh) as change:
                yield change
            if change.pointer is not None:
                self.revision, self._described = change.pointer.revision, described

    def remember(self) -> Callable[[], None]:
        """What puts the run back, in memory, to what it is now.

        Its encoder, its heads and its operators are replaced by changes, and never changed themselves.
        """
        space, registry = self.space, self.registry
        heads, kinds = dict(space.decoders.items()), dict(space.head_kinds)
        kept: list[Entry | FamilyEntry] = [*registry.entries.values(), *registry.families.values()]
        transfers, metrics, density = dict(self.transfers), list(self.metrics), self.density

        def put_back() -> None:
            space.decoders.clear()
            space.decoders.update(heads)
            space.head_kinds = kinds
            words: list[Word | str] = [*registry.entries, *registry.families]
            for word in words:
                registry.remove(word)
            for entry in kept:
                registry.add(entry)
            self.space, self.registry, self.transfers, self.metrics = space, registry, transfers, metrics
            self.density = density

        return put_back

    def check_resumable(self) -> bytes:
        """The checkpoint of an interrupted run with the same settings and data.

        Raises:
            RunError: There is none.
        """
        pointer, contents = read_run_files(self.folder, (CHECKPOINT,))
        if CHECKPOINT not in contents:
            raise RunError(f"{self.folder} has nothing to resume: its training ended; train into another folder")
        # where the images lie may change, as long as they are the same
        place = {"settings": "data", "data": "name"}
        for table, now in (("settings", self.settings.to_dict()), ("data", dict(self.data))):
            before = Fields(pointer.tables.get(table, {}), f"{self.folder / SETTINGS}: {table}", RunError).data
            before = {**(UNSAID if table == "settings" else {}), **before}
            for key in sorted(before.keys() | now.keys()):
                if key != place[table] and _plain(before.get(key)) != _plain(now.get(key)):
                    raise RunError(
                        f"{self.folder} was trained with {key} = {show_value(before.get(key))}, not {now.get(key)}; "
                        "resume with the same settings and data"
                    )
        return contents[CHECKPOINT]

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
        self.metrics += metrics_of(label, epochs)

    def _digest(self) -> str:
        """Digest of what its check and its gallery show: encoder, main head, operators of the trained augmentations."""
        names = set(self.settings.augmentations)
        digest = hashlib.sha256(f"{self.space.fingerprint()} {fingerprint_of(self.space.decoder(MAIN_HEAD))}".encode())
        for word, entry in self.registry.entries.items():
            if {str(word), self.registry.catalog.shorten(str(word))} & names:
                for part in entry.own_operator.arrays:
                    digest.update(f"{word} ".encode() + np.ascontiguousarray(part, dtype=np.float64).tobytes())
        return digest.hexdigest()

    def _tables(self) -> dict[tuple[str, ...], Mapping[str, Any]]:
        # Nothing here depends on the time or the place, so that equal runs give equal files.
        tables: dict[tuple[str, ...], Mapping[str, Any]] = {
            ("run",): {"steps": self.steps, "ended": self.ended, "encoder": self.space.fingerprint()},
            ("settings",): self.settings.to_dict(),
            ("data",): self.data,
            ("versions",): versions(),
        }
        for name, transfer in self.transfers.items():
            entries = asdict(transfer)
            tables["transfer", name] = {key: entries[key] for key in entries if key != "head"}
        return tables


def metrics_of(label: Mapping[str, object], epochs: Iterable[EpochMeans]) -> list[dict[str, Any]]:
    """The means of each epoch as entries of the metrics, each with a label."""
    return [
        {
            **label,
            "epoch": means.epoch,
            "steps": means.steps,
            "loss": sum(means.terms.values()),
            "terms": dict(means.terms),
        }
        for means in epochs
    ]


def versions() -> dict[str, str]:
    """Versions of what computed a run."""
    return {
        "augalgebra": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }


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
