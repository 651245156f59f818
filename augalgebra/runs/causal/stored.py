"""A causal model as a folder holds it."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, get_args

from augalgebra.catalog import Catalog
from augalgebra.causal.model import CausalModel
from augalgebra.causal.settings import CausalSettings
from augalgebra.causal.storage import load_model, model_bytes
from augalgebra.data.dataset import Dataset, Truth
from augalgebra.errors import AugalgebraError, RunError
from augalgebra.latent.networks import fingerprint_of
from augalgebra.runs.storage.files import (
    CHECKPOINT,
    METRICS,
    MODEL,
    SETTINGS,
    Change,
    Pointer,
    read_run_files,
    stage_run_files,
)
from augalgebra.runs.storage.records import CAUSAL, Ending, read_metrics
from augalgebra.runs.storage.run_folder import TrainedRunFolder
from augalgebra.runs.storage.stored_run import metrics_of, versions
from augalgebra.storage.cache import digest_of
from augalgebra.storage.locks import lock
from augalgebra.storage.values import Fields, show_value
from augalgebra.training.loop import EpochMeans

_STAGE = "causal"
_LATER = ("truth", "test_labels")  # of the data, what older runs do not say
_MORPHO = re.compile(r"morpho(:|$)")
_DAMAGED = "train it again with 'augalg causal train'"


@dataclass
class StoredCausalRun(TrainedRunFolder):
    """What is kept of one causal model; `augalgebra.runs.CausalRun` is this with all that is done with one.

    Attributes:
        folder: Where it is kept.
        settings: What was asked for.
        model: The model.
        data: Name, fingerprint and sizes of the data set.
        steps: Steps of training.
        ended: Why training ended.
        metrics: One entry for each epoch.
        strengths: How strong each edge is, ``[cause][effect]``: deviations by which the effect moves; of a graph that
            was learned, before weak ones were left out.
        revision: Which state of the folder this is; empty if it was not read from there.
        in_transaction: Whether a transaction is open, which alone writes the run then.
    """

    folder: Path
    settings: CausalSettings
    model: CausalModel
    data: Mapping[str, Any]
    steps: int = 0
    ended: Ending = "unfinished"
    metrics: list[dict[str, Any]] = field(default_factory=list)
    strengths: tuple[tuple[float, ...], ...] = ()
    revision: str = ""
    in_transaction: bool = field(default=False, repr=False, compare=False)

    @classmethod
    def load(  # as every kind of run is read, though there is nothing in it that could be stale
        cls,
        folder: str | Path,
        catalog: Catalog | None = None,  # noqa: ARG003
        *,
        accept_stale: bool = False,  # noqa: ARG003
    ) -> Self:
        """Read a run.

        Args:
            folder: The run's folder.
            catalog: Not needed: a causal model has no augmentations.
            accept_stale: Without effect, likewise.

        Raises:
            RunError: The folder is no such run, or its files are damaged or do not belong together.
        """
        folder = Path(folder)
        pointer, contents = read_run_files(folder, (MODEL, METRICS))
        whole = Fields(pointer.tables, str(folder / SETTINGS), RunError, _DAMAGED)
        run = whole.table("run")
        if run.data.get("kind") != CAUSAL:
            raise RunError(
                f"{folder} has no concepts that could be set: do() needs a causal model, such as "
                "'augalg causal train RUN --data pendulum' makes"
            )
        if MODEL not in contents:
            raise whole.failed(f"{whole.where} is incomplete: it names no model")
        settings = whole.table("settings")
        try:
            read = CausalSettings.from_dict(settings.data)
        except AugalgebraError as error:
            raise settings.failed(f"{settings.where}: {error}") from error
        model = load_model(folder / MODEL, content=contents[MODEL])
        if fingerprint_of(model) != run.digest("model"):
            raise RunError(f"{folder / MODEL} is not the model that {SETTINGS} speaks of; files of runs were mixed")
        data = whole.table("data")
        data.digest("fingerprint")
        # before it was written down only data sets of these names had one
        name = data.text("name")
        by_name: Truth = "pendulum" if name == "pendulum" else "strokes" if _MORPHO.match(name) else ""
        truth = data.one_of("truth", get_args(Truth)) if "truth" in data else by_name
        metrics = read_metrics(folder / METRICS, contents.get(METRICS, b""))
        ended: Ending = run.one_of("ended", get_args(Ending))
        learned = whole.table("graph")
        strengths = tuple(
            tuple(row.number(effect) for effect in model.concepts)
            for row in (learned.table(cause) for cause in model.concepts)
        )
        found = cls(folder, read, model, {**data.data, "truth": truth}, run.whole("steps"), ended, metrics, strengths)
        found.revision = pointer.revision
        return found

    @property
    def data_truth(self) -> Truth:
        """What is true of the factors of the data, see `augalgebra.data.Dataset.truth`."""
        return self.data["truth"]  # type: ignore[no-any-return]  # see `load`

    @property
    def fingerprint(self) -> str:
        """What tells this model from others."""
        return fingerprint_of(self.model)

    @contextmanager
    def stage(self, *, checkpoint: bytes | None = None, finished: bool = False) -> Iterator[Change]:
        """Write everything beside what is there, for the block to publish as one change; see `save`."""
        with lock(self.folder, "changed"):
            self.check_current()
            lines = [json.dumps(entry, ensure_ascii=False) + "\n" for entry in self.metrics]
            contents = {MODEL: model_bytes(self.model), METRICS: "".join(lines).encode()}
            if checkpoint is not None:
                contents[CHECKPOINT] = checkpoint
            carried = () if finished or checkpoint is not None else (CHECKPOINT,)

            def fresh(old: Pointer, digests: Mapping[str, str]) -> tuple[str, ...]:
                return old.derived if (old.digests or {}).get(MODEL) == digests[MODEL] else ()

            with stage_run_files(self.folder, contents, self._tables(), carried=carried, fresh=fresh) as change:
                yield change
            if change.pointer is not None:
                self.revision = change.pointer.revision

    def remember(self) -> Callable[[], None]:
        """What puts the run back, in memory, to what it is now."""
        kept = self.model, self.steps, self.ended, list(self.metrics), self.strengths

        def put_back() -> None:
            self.model, self.steps, self.ended, self.metrics, self.strengths = kept

        return put_back

    def check_resumable(self) -> bytes:
        """The checkpoint of an interrupted run with the same settings and data.

        Raises:
            RunError: There is none.
        """
        pointer, contents = read_run_files(self.folder, (CHECKPOINT,))
        if CHECKPOINT not in contents:
            raise RunError(f"{self.folder} has nothing to resume: its training ended; train into another folder")
        for table, now in (("settings", self.settings.to_dict()), ("data", dict(self.data))):
            before = Fields(pointer.tables.get(table, {}), f"{self.folder / SETTINGS}: {table}", RunError).data
            for key in sorted(before.keys() | now.keys()):
                if key in _LATER and key not in before:
                    continue
                if key != "name" and _plain(before.get(key)) != _plain(now.get(key)):
                    raise RunError(
                        f"{self.folder} was trained with {key} = {show_value(before.get(key))}, not "
                        f"{show_value(now.get(key))}; resume with the same settings and data"
                    )
        return contents[CHECKPOINT]

    def check_data(self, data: Dataset) -> None:
        """Raise `RunError` unless it was trained on these data."""
        if data.fingerprint != self.data.get("fingerprint"):
            raise RunError(
                f"{data.name} is not what {self.folder} was trained on ({self.data.get('name')}, other images); "
                "name the same data set"
            )
        now = label_digests(data, self.settings.concepts)
        if any(self.data.get(key, digest) != digest for key, digest in now.items()):
            raise RunError(
                f"{data.name} has the images that {self.folder} was trained on, but other labels; bring these back, or "
                f"{_DAMAGED}"
            )

    def record(self, epochs: Iterable[EpochMeans]) -> None:
        """Put the means of each epoch into the metrics, in place of what was there."""
        self.metrics = metrics_of({"stage": _STAGE}, epochs)

    def _tables(self) -> dict[tuple[str, ...], Mapping[str, Any]]:
        # nothing here depends on the time or the place, so that equal runs give equal files
        run = {"kind": CAUSAL, "steps": self.steps, "ended": self.ended, "model": self.fingerprint}
        run |= {"concepts": self.model.concepts, "edges": str(self.model.graph)}
        names = self.model.concepts
        strengths = self.strengths or self.model.weights.tolist()
        return {
            ("run",): run,
            ("settings",): self.settings.to_dict(),
            ("graph",): {name: dict(zip(names, row, strict=True)) for name, row in zip(names, strengths, strict=True)},
            ("data",): self.data,
            ("versions",): versions(),
        }


def label_digests(data: Dataset, concepts: Iterable[str]) -> dict[str, str]:
    """What tells the labels of data from others, of the images to learn from and of those to test on."""
    chosen = tuple(concepts)
    parts = {"labels": data.train, "test_labels": data.test}
    return {
        key: digest_of({name: part.factors[name].tolist() for name in chosen if name in part.factors})
        for key, part in parts.items()
    }


def _plain(value: object) -> object:
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
