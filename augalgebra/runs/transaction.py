"""Changes of a run, and of a workspace with it, that become true together or not at all."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from augalgebra.admission import Admission
from augalgebra.catalog.registration import WORKSPACE_FILE
from augalgebra.catalog.workspace_file import change_workspace, erase
from augalgebra.errors import RunError
from augalgebra.runs.storage.run_folder import RunFolder
from augalgebra.storage.locks import lock


class Transaction:
    """What a block changes in a workspace besides the run.

    Nothing is written before the block ends.

    Attributes:
        changed: Whether the workspace file had to be changed for what was recorded; known when the block has ended.
    """

    def __init__(self) -> None:
        self.changed = False
        self._recorded: list[tuple[Path, Admission]] = []
        self._erased: list[tuple[Path, str]] = []

    def record(self, admission: Admission, workspace: Path | None = None) -> None:
        """Register something.

        Args:
            admission: What was found out about it.
            workspace: The folder of the workspace; the current one by default.
        """
        self._recorded.append(((workspace or Path.cwd()).absolute(), admission))

    def erase(self, name: str, workspace: Path | None = None) -> None:
        """Take a registration out of a workspace.

        Args:
            name: The registration.
            workspace: The folder of the workspace; the current one by default.
        """
        self._erased.append(((workspace or Path.cwd()).absolute(), name))

    @contextmanager
    def _recording(self) -> Iterator[None]:
        with ExitStack() as files:
            for workspace, admission in self._recorded:
                files.enter_context(change_workspace(workspace / WORKSPACE_FILE))
                self.changed |= admission.record(workspace)
            yield

    def _erase(self) -> None:
        with ExitStack() as files:
            for workspace, name in self._erased:
                files.enter_context(change_workspace(workspace / WORKSPACE_FILE))
                erase(workspace / WORKSPACE_FILE, name)


@contextmanager
def change(run: RunFolder) -> Iterator[Transaction]:
    """Change a run; see `augalgebra.runs.Run.transaction`."""
    if run.in_transaction:
        raise RunError(f"a transaction of {run.folder} is open already; make all changes in one block")
    with lock(run.folder, "changed"):
        run.check_current()
        run.check_room()
        put_back = run.remember()
        transaction = Transaction()
        try:
            run.in_transaction = True
            try:
                yield transaction
            finally:
                run.in_transaction = False
            # Two folders cannot change in one step. Killed in between, something is registered and has no operator yet,
            # or its operator is taken out and it is still registered; the other way round, operators of unknown
            # augmentations would be left.
            with run.stage() as staged, transaction._recording(), staged.publish():
                transaction._erase()
        except BaseException:
            put_back()
            raise
