"""What every kind of run is as a folder: read by many, changed by one at a time, described by pages."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Self

from augalgebra.catalog import Catalog
from augalgebra.errors import RunError
from augalgebra.runs.storage.files import DERIVED, MEMBERS, SETTINGS, Change, add_derived, read_pointer, revision_of
from augalgebra.storage.files import check_room
from augalgebra.storage.locks import lock


class RunFolder(ABC):
    """A run in a folder.

    Attributes:
        folder: Where it is kept.
        revision: Which state of the folder this is; empty if it was not read from there.
        in_transaction: Whether a transaction is open, which alone writes the run then.
    """

    folder: Path
    revision: str
    in_transaction: bool

    @staticmethod
    def exists(folder: str | Path) -> bool:
        """Whether there is a run in a folder."""
        return (Path(folder) / SETTINGS).exists()

    @classmethod
    @abstractmethod
    def load(cls, folder: str | Path, catalog: Catalog, *, accept_stale: bool = False) -> Self:
        """Read a run."""

    @classmethod
    @contextmanager
    def open(cls, folder: str | Path, catalog: Catalog, *, accept_stale: bool = False) -> Iterator[Self]:
        """Read a run in order to change it; until the end of the block nobody else does.

        Args:
            folder: The run's folder.
            catalog: Augmentations and their laws, as they are now.
            accept_stale: Take operators of augmentations that have changed since; they then say so.

        Raises:
            BusyError: It is being trained.
            AugalgebraError: It cannot be read, or its folder cannot be written or has no room.
        """
        folder = Path(folder)
        read_pointer(folder)  # no lock is put where there is no run
        with lock(folder, "changed"):
            run = cls.load(folder, catalog, accept_stale=accept_stale)
            run.check_room()
            yield run

    @abstractmethod
    def stage(self) -> AbstractContextManager[Change]:
        """Write everything beside what is there, for the block to publish as one change."""

    @abstractmethod
    def remember(self) -> Callable[[], None]:
        """What puts the run back, in memory, to what it is now."""

    def check_room(self) -> None:
        """Raise `AugalgebraError` if its folder cannot be written, or has no room for a change."""
        present = [path for name in MEMBERS if (path := self.folder / name).is_file()]
        check_room(self.folder, 2 * sum(path.stat().st_size for path in present))

    def check_current(self) -> None:
        """See that it may be written, or written about.

        Raises:
            RunError: The run in the folder has changed since this one was read or saved, or a transaction is open.
        """
        if self.in_transaction:
            raise RunError(f"a transaction of {self.folder} is open; it writes the run when its block ends")
        if revision_of(self.folder) not in ("", self.revision):
            raise RunError(f"{self.folder} has changed since it was read; read it again")

    @contextmanager
    def describing(self, *names: str) -> Iterator[None]:
        """Write pages or pictures about the run into its folder; they go when the run becomes another.

        Args:
            names: Their names, of `augalgebra.runs.storage.files.DERIVED`.

        Raises:
            BusyError: The run is being trained.
            RunError: It has changed since it was read.
        """
        with lock(self.folder, "changed"):
            self.check_current()
            yield
            self.revision = add_derived(self.folder, names).revision


class TrainedRunFolder(RunFolder):
    """A run that is trained in its folder, and can be taken up there."""

    @abstractmethod
    def stage(self, *, checkpoint: bytes | None = None, finished: bool = False) -> AbstractContextManager[Change]:
        """Write everything beside what is there, for the block to publish as one change; see `save`."""

    def save(self, *, checkpoint: bytes | None = None, finished: bool = False) -> None:
        """Write everything as one change: whoever is killed meanwhile leaves what was there, or all that is new.

        Args:
            checkpoint: From where training can be taken up; None leaves the one that is there.
            finished: Whether there is nothing to take up any more.

        Raises:
            RunError: The run in the folder has changed since this one was read, or a transaction is open.
            AugalgebraError: A file cannot be written.
        """
        with self.stage(checkpoint=checkpoint, finished=finished) as change, change.publish():
            pass


def check_folder(folder: Path, *, resume: bool = False, overwrite: bool = False) -> None:
    """See, before it is trained, that there is a run to resume, or none that would be lost unasked.

    Raises:
        RunError: There is none to resume, or one already.
    """
    if resume and not RunFolder.exists(folder):
        raise RunError(f"there is no run in {folder} to resume; leave that out, and one is trained")
    if not resume and not overwrite:
        refuse_existing(folder)


def refuse_existing(folder: Path, remedy: str = "name another folder, resume it, or overwrite it") -> None:
    """Refuse a folder in which a run could not be made without losing something.

    Args:
        folder: The folder.
        remedy: What to do where there is a run.

    Raises:
        RunError: There is a run, or what is written about one.
    """
    if RunFolder.exists(folder):
        raise RunError(f"there is a run in {folder} already; {remedy}")
    others = [name for name in DERIVED if (folder / name).exists()]
    if others:
        raise RunError(
            f"{folder} holds {', '.join(others)} and no run; what is written about a run has these names and goes with "
            "it, so name another folder, or --overwrite"
        )
