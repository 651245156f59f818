"""What ``run.toml`` says of a run whose codes are grids, each value looked at before it is used."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, get_args

from augalgebra.errors import AugalgebraError, RunError
from augalgebra.runs.storage.files import SETTINGS, Pointer
from augalgebra.runs.storage.records import CAUSAL, GRID
from augalgebra.storage.values import Fields
from augalgebra.training.grids.settings import GRID_FITS, GridSettings, Precision

_DAMAGED = "make it again with 'augalg operators --space … --overwrite'"
_NUMBERS = ("seconds", "learning_rate")


@dataclass(frozen=True)
class GridSource:
    """What operators of a run belong to, as far as it is known without opening it.

    Attributes:
        spec: What `augalgebra.latent.open_space` was given.
        channels: Channels of a code.
        stride: Pixels for each position of the grid.
        encoder: Fingerprint of the encoder.
    """

    spec: str
    channels: int
    stride: int
    encoder: str

    def fingerprint(self) -> str:
        """Fingerprint of the encoder."""
        return self.encoder


@dataclass(frozen=True)
class GridRecord:
    """What ``run.toml`` says.

    Attributes:
        source: The autoencoder.
        augmentations: What operators were asked for, in full names.
        settings: How they were fitted.
        data: Folder, fingerprint and numbers of the photographs.
    """

    source: GridSource
    augmentations: tuple[str, ...]
    settings: GridSettings
    data: Mapping[str, Any]

    @classmethod
    def of(cls, folder: Path, pointer: Pointer) -> "GridRecord":
        """Read it from the pointer of a run's folder.

        Raises:
            RunError: It is a run of another kind, or something is missing or impossible.
        """
        whole = Fields(pointer.tables, str(folder / SETTINGS), RunError, _DAMAGED)
        run = whole.table("run")
        if run.data.get("kind") != GRID:
            made = "a causal model" if run.data.get("kind") == CAUSAL else "a latent space that 'augalg train' made"
            raise RunError(
                f"{folder} is {made}; this needs operators of a pretrained "
                "autoencoder: augalg operators FOLDER --space taesd:FOLDER --data FOLDER --augs flip_lr"
            )
        if pointer.digests is None:
            raise whole.failed(f"{whole.where} is incomplete: it names no files")
        source = GridSource(
            run.line("space", 4096), run.whole("channels", 1), run.whole("stride", 1), run.digest("encoder")
        )
        data = whole.table("data")
        data.text("name")
        data.digest("fingerprint")
        return cls(source, run.texts("augmentations", 1000), _settings(whole.table("settings")), data.data)

    def tables(self) -> dict[tuple[str, ...], Mapping[str, Any]]:
        """The same as tables of ``run.toml``."""
        source = self.source
        run = {
            "kind": GRID,
            "space": source.spec,
            "channels": source.channels,
            "stride": source.stride,
            "encoder": source.encoder,
            "augmentations": self.augmentations,
        }
        settings = {name: value for name, value in asdict(self.settings).items() if value is not None}
        return {("run",): run, ("settings",): settings, ("data",): self.data}


def _settings(table: Fields) -> GridSettings:
    values: dict[str, Any] = {}
    for name in (field.name for field in fields(GridSettings)):
        if name == "fit":
            values[name] = table.one_of(name, GRID_FITS)
        elif name == "precision":
            values[name] = table.one_of(name, get_args(Precision))
        elif name not in table:
            values[name] = None
        else:
            values[name] = table.number(name) if name in _NUMBERS else table.whole(name)
    try:
        return GridSettings(**values)
    except (AugalgebraError, TypeError) as error:
        raise table.failed(f"{table.where}: {error}") from error
