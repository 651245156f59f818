"""Changes of a run, and of a workspace with it, that become true together or not at all."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from augalgebra.admission import Admission
from augalgebra.algebra.words import Word
from augalgebra.catalog.registration import WORKSPACE_FILE
from augalgebra.catalog.workspace_file import change_workspace, erase
from augalgebra.errors import RunError
from augalgebra.operators.lookup import Entry, FamilyEntry
from augalgebra.runs.storage.stored_run import StoredRun
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
def change(run: StoredRun) -> Iterator[Transaction]:
    """Change a run; see `augalgebra.runs.Run.transaction`."""
    if run.in_transaction:
        raise RunError(f"a transaction of {run.folder} is open already; make all changes in one block")
    with lock(run.folder, "changed"):
        run.check_current()
        run.check_room()
        put_back = _remember(run)
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


def _remember(run: StoredRun) -> Callable[[], None]:
    """What puts a run back, in memory, to what it is now.

    Its encoder, its heads and its operators are replaced by changes, and never changed themselves.
    """
    space, registry = run.space, run.registry
    heads, kinds = dict(space.decoders.items()), dict(space.head_kinds)
    kept: list[Entry | FamilyEntry] = [*registry.entries.values(), *registry.families.values()]
    transfers, metrics = dict(run.transfers), list(run.metrics)

    def put_back() -> None:
        space.decoders.clear()
        space.decoders.update(heads)
        space.head_kinds = kinds
        words: list[Word | str] = [*registry.entries, *registry.families]
        for word in words:
            registry.remove(word)
        for entry in kept:
            registry.add(entry)
        run.space, run.registry, run.transfers, run.metrics = space, registry, transfers, metrics

    return put_back
