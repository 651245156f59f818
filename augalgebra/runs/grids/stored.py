"""Operators of a pretrained autoencoder as a folder holds them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from jaxtyping import UInt8
from torch import Tensor

from augalgebra.catalog import Catalog
from augalgebra.data.photographs import Photographs
from augalgebra.errors import AugalgebraError, RunError
from augalgebra.latent.grids import GridSpace
from augalgebra.operators.grids.registry import GridEntry, GridFamilyEntry, GridRegistry
from augalgebra.operators.grids.store import load_grid_registry, pack_grid_registry
from augalgebra.runs.grids.record import GridRecord, GridSource
from augalgebra.runs.storage.files import CHECK, OPERATORS, Change, Pointer, read_run_files, stage_run_files
from augalgebra.runs.storage.run_folder import RunFolder
from augalgebra.runs.storage.stored_run import of_run, versions
from augalgebra.storage.locks import lock
from augalgebra.training.grids.settings import GridSettings
from augalgebra.training.precision import device_of


@dataclass
class StoredGridRun(RunFolder):
    """What is kept of operators on an autoencoder; `augalgebra.runs.GridRun` is this with all that is done with them.

    The autoencoder and the photographs are no part of it. They are opened when they are first asked for, and must be
    those that the operators were fitted on.

    Attributes:
        folder: Where it is kept.
        registry: The operators.
        record: The autoencoder, what was asked for and on which photographs.
        place: Where the autoencoder lies now, as `augalgebra.latent.open_space` takes it, if it has moved.
        device: Where to compute: ``auto``, ``cpu``, ``cuda``, ….
        revision: Which state of the folder this is; empty if it was not read from there.
        in_transaction: Whether a transaction is open, which alone writes the run then.
    """

    folder: Path
    registry: GridRegistry
    record: GridRecord
    place: str = ""
    device: str = "auto"
    revision: str = ""
    in_transaction: bool = field(default=False, repr=False, compare=False)
    _space: GridSpace | None = field(default=None, repr=False)
    _photographs: Photographs | None = field(default=None, repr=False)

    @property
    def settings(self) -> GridSettings:
        """How the operators were fitted."""
        return self.record.settings

    @property
    def augmentations(self) -> tuple[str, ...]:
        """What operators were asked for."""
        return self.record.augmentations

    @classmethod
    def load(cls, folder: str | Path, catalog: Catalog, *, accept_stale: bool = False) -> Self:
        """Read a run. Neither the autoencoder nor photographs are needed for that.

        Args:
            folder: The run's folder.
            catalog: Augmentations and their laws, as they are now.
            accept_stale: Take operators of augmentations that have changed since; they then say so.

        Raises:
            RunError: The folder is no such run, or its files are damaged or do not belong together.
            StaleOperatorError: Laws or plugins have changed since; the message names each.
        """
        folder = Path(folder)
        pointer, contents = read_run_files(folder, (OPERATORS,))
        record = GridRecord.of(folder, pointer)
        registry = load_grid_registry(
            folder / OPERATORS, record.source, catalog, accept_stale=accept_stale, content=contents.get(OPERATORS)
        )
        return cls(folder, of_run(registry, folder), record, revision=pointer.revision)

    @property
    def space(self) -> GridSpace:
        """The autoencoder, opened when it is first asked for.

        Raises:
            RunError: It cannot be opened, or is another.
        """
        if self._space is None:
            self._space = self.open_space(self.place or self.record.source.spec)
        return self._space

    def open_space(self, spec: str) -> GridSpace:
        """Open an autoencoder and see that it is the one of this run.

        Raises:
            RunError: It cannot be opened, or is another.
        """
        try:
            space = open_grid_space(spec, self.device)
        except AugalgebraError as error:
            raise RunError(f"{error}; if the autoencoder of {self.folder} has moved, name it with --space") from error
        if space.fingerprint() != self.record.source.encoder:
            raise RunError(
                f"{spec} is not the autoencoder that the operators of {self.folder} were fitted on "
                f"({space.fingerprint()[:12]}, not {self.record.source.encoder[:12]}); name that one with --space"
            )
        return space

    def photographs(self, folder: str | Path | None = None) -> Photographs:
        """The photographs, opened when they are first asked for.

        Args:
            folder: Where they lie now, if they have moved.

        Raises:
            RunError: They are others.
            AugalgebraError: They cannot be read.
        """
        if self._photographs is None or folder is not None:
            name = str(folder or self.record.data["name"])
            try:
                found = Photographs.open(name, skip_broken=True)
            except AugalgebraError as error:
                if folder is not None:
                    raise
                moved = f"{error}; if the photographs of {self.folder} have moved, name them with --data"
                raise type(error)(moved) from error
            if found.fingerprint != self.record.data["fingerprint"]:
                raise RunError(
                    f"{name} does not hold the photographs that the operators of {self.folder} were fitted on; name "
                    "the folder that does with --data"
                )
            self._photographs = found
        return self._photographs

    def test_crops(self, most: int | None = None) -> Iterator[UInt8[Tensor, "channel size size"]]:
        """Disjoint crops of the test photographs, of the size that was learned from; at most so many."""
        return self.photographs().tile(self.settings.size, limit=most)

    def use(self, space: GridSpace, photographs: Photographs) -> None:
        """Take an autoencoder and photographs that are opened already and known to be those of this run."""
        self._space, self._photographs = space, photographs

    def save(self) -> None:
        """Write everything as one change: whoever is killed meanwhile leaves what was there, or all that is new.

        Raises:
            RunError: The run in the folder has changed since this one was read, or a transaction is open.
            AugalgebraError: A file cannot be written.
        """
        with self.stage() as change, change.publish():
            pass

    @contextmanager
    def stage(self) -> Iterator[Change]:
        """Write everything beside what is there, for the block to publish as one change; see `save`."""
        with lock(self.folder, "changed"):
            self.check_current()
            contents = {OPERATORS: pack_grid_registry(self.registry)}

            def fresh(old: Pointer, digests: Mapping[str, str]) -> tuple[str, ...]:
                same = (old.digests or {}).get(OPERATORS) == digests[OPERATORS]
                return tuple(name for name in old.derived if same and name == CHECK)

            tables = self.record.tables() | {("versions",): versions()}
            with stage_run_files(self.folder, contents, tables, fresh=fresh) as change:
                yield change
            if change.pointer is not None:
                self.revision = change.pointer.revision

    def remember(self) -> Callable[[], None]:
        """What puts the run back, in memory, to what it is now."""
        registry, record = self.registry, self.record
        kept: list[GridEntry | GridFamilyEntry] = [*registry.entries.values(), *registry.families.values()]

        def put_back() -> None:
            for word in [*registry.entries]:
                registry.remove(word)
            for key in [*registry.families]:
                registry.remove(key)
            for entry in kept:
                registry.add(entry)
            self.registry, self.record = registry, record

        return put_back

    def note(self, augmentations: tuple[str, ...]) -> None:
        """Count augmentations among those that operators were asked for; `save` writes it."""
        self.record = replace(self.record, augmentations=tuple(dict.fromkeys([*self.augmentations, *augmentations])))

    def keep_asked(self, wanted: Callable[[str], bool]) -> None:
        """Leave augmentations out of those that operators were asked for; `save` writes it."""
        self.record = replace(self.record, augmentations=tuple(filter(wanted, self.augmentations)))


def open_grid_space(spec: str, device: str = "auto") -> GridSpace:
    """Open an autoencoder whose codes are grids.

    Args:
        spec: A kind and a place, see `augalgebra.latent.open_space`.
        device: Where to compute: ``auto``, ``cpu``, ``cuda``, ….

    Raises:
        RunError: Its codes are no grids.
        AugalgebraError: It cannot be opened.
    """
    from augalgebra.latent.adapters.opening import open_space

    space: object = open_space(spec, device_of(device))
    if not isinstance(space, GridSpace):
        raise RunError(f"the codes of {spec} are no grids; this needs an autoencoder such as those of image generators")
    return space


def describe_photographs(photographs: Photographs) -> dict[str, Any]:
    """What ``run.toml`` says of photographs."""
    return {
        "name": str(photographs.folder),
        "fingerprint": photographs.fingerprint,
        "train": len(photographs.train),
        "test": len(photographs.test),
    }


def source_of(space: GridSpace) -> GridSource:
    """What a run says of its autoencoder."""
    return GridSource(space.spec, space.channels, space.stride, space.fingerprint())
