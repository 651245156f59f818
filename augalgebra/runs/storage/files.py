"""The files of a run: read as one state, replaced as one change.

``run.toml`` is the pointer of the folder, as `augalgebra.storage.folders` has it: it names ``model.safetensors``,
``operators.safetensors``, ``metrics.jsonl``, ``density.safetensors`` and ``checkpoint.safetensors`` with their SHA-256
and is replaced last.
Pages and pictures of the run are named in it without a digest; those that speak of another model are removed with it.
Runs written before there were digests are read as they are, and get them with the next change.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from augalgebra.errors import RunError
from augalgebra.runs.storage.toml import to_toml
from augalgebra.storage import files, folders
from augalgebra.storage.locks import lock
from augalgebra.storage.values import MOST_TEXT, Fields, parse_toml, read_bytes

SETTINGS = "run.toml"
MODEL = "model.safetensors"
OPERATORS = "operators.safetensors"
METRICS = "metrics.jsonl"
DENSITY = "density.safetensors"
CHECKPOINT = "checkpoint.safetensors"

MEMBERS = (MODEL, OPERATORS, METRICS, DENSITY, CHECKPOINT)
CHECK, GALLERY, REPORT, FIGURES, GEOMETRY = "check.json", "gallery.png", "report.html", "figures", "geometry"
DERIVED = (CHECK, GALLERY, REPORT, FIGURES, GEOMETRY)
"""What is written about a run into its folder."""

_MOST_BYTES = 1 << 34
_DAMAGED = "bring it back from a copy, or train again with --overwrite"

Tables = Mapping[tuple[str, ...], Mapping[str, Any]]


@dataclass(frozen=True)
class Pointer:
    """What ``run.toml`` says.

    Attributes:
        text: Its content.
        tables: The same as plain data.
        digests: SHA-256 of each file of the run by name; None if it was written before there were digests.
        derived: What was written about the run as it is.
    """

    text: bytes
    tables: Mapping[str, Any]
    digests: Mapping[str, str] | None
    derived: tuple[str, ...]

    @property
    def revision(self) -> str:
        """What changes whenever anything of the run does."""
        return folders.digest_of(self.text)


def read_pointer(folder: Path) -> Pointer:
    """Read ``run.toml``.

    Raises:
        RunError: It is missing, damaged or says something impossible.
    """
    path = folder / SETTINGS
    try:
        text = read_bytes(path, MOST_TEXT)
        tables = parse_toml(text)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RunError(f"{path} is missing; {folder} is no run folder") from error
    except (ValueError, OSError) as error:
        raise RunError(f"{path} is damaged: {getattr(error, 'strerror', None) or error}") from error
    whole = Fields(tables, str(path), RunError, _DAMAGED)
    if "files" not in whole:
        return Pointer(text, tables, None, tuple(name for name in DERIVED if (folder / name).exists()))
    named = whole.table("files")
    for name in named.data:
        if name not in (*MEMBERS, SETTINGS):
            raise named.failed(f"{named.where}: {name!r} is no file of a run")
    if SETTINGS in named and named.digest(SETTINGS) != _own_digest(text):
        raise RunError(
            f"{path} is damaged or was changed by hand: bring it back from a copy, or, if you want it so, take the "
            f'line "{SETTINGS}" = … out of its table [files]'
        )
    derived = whole.table("derived").texts("names") if "derived" in whole else ()
    if set(derived) - set(DERIVED):
        raise whole.wrong("derived", f"some of {', '.join(DERIVED)}", list(derived))
    return Pointer(text, tables, {name: named.digest(name) for name in named.data if name != SETTINGS}, derived)


def revision_of(folder: Path) -> str:
    """The revision of the run in a folder, even where it is damaged; empty if there is none."""
    try:
        return folders.digest_of(read_bytes(folder / SETTINGS, MOST_TEXT))
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise RunError(f"cannot read {folder / SETTINGS}: {error.strerror or error}") from error


def read_run_files(folder: Path, names: tuple[str, ...] = MEMBERS[:-1]) -> tuple[Pointer, dict[str, bytes]]:
    """Read some files of a run, all of one state.

    Args:
        folder: The run's folder. Another process may change it meanwhile.
        names: Which; what the run does not have is left out.

    Raises:
        RunError: The folder is no run, or a file is missing, damaged, or another than ``run.toml`` names.
    """
    pointer = read_pointer(folder)
    while True:
        try:
            contents = {name: _content(folder, name, pointer) for name in names if _has(folder, name, pointer)}
            failure = None
        except RunError as error:
            failure = error
        again = read_pointer(folder)
        if again.text == pointer.text:
            if failure is None:
                return pointer, contents
            raise failure
        pointer = again  # another process has changed it meanwhile


class Change:
    """New files of a run that lie beside its old ones until they take their place.

    Attributes:
        pointer: What ``run.toml`` says; None until it is replaced.
    """

    def __init__(
        self, folder: Path, old: Pointer | None, tables: Tables, digests: Mapping[str, str], derived: tuple[str, ...]
    ) -> None:
        self.pointer: Pointer | None = None
        self._folder, self._old = folder, old
        self._tables, self._digests, self._derived = tables, digests, derived

    @contextmanager
    def publish(self) -> Iterator[None]:
        """Replace ``run.toml``, in one step: that is the change. If the block fails, it is put back."""
        try:
            self.pointer = _replace_pointer(self._folder, self._tables, self._digests, self._derived)
            yield
        except BaseException:
            _put_back(self._folder, self._old)
            raise


@contextmanager
def stage_run_files(
    folder: Path,
    contents: Mapping[str, bytes],
    tables: Tables,
    *,
    carried: tuple[str, ...] = (),
    fresh: Callable[[Pointer, Mapping[str, str]], tuple[str, ...]],
) -> Iterator[Change]:
    """Write new files of a run, which the block publishes; whoever calls has locked the folder.

    Args:
        folder: The folder.
        contents: The new files.
        tables: What ``run.toml`` says beside the digests.
        carried: Files that stay as they are, if they are there.
        fresh: Given the pointer until now and the new digests, which pages and pictures are still true.

    Raises:
        AugalgebraError: A file cannot be written; the run is as it was. So it is if the block fails.
    """
    with files.naming_failures(folder):
        old = _settled(folder)
        try:
            digests = folders.stage(folder, contents)
            if old is not None:
                digests |= {name: _carried(folder, name, old) for name in carried if _has(folder, name, old)}
            change = Change(folder, old, tables, digests, () if old is None else fresh(old, digests))
            yield change
        except BaseException:
            folders.settle(folder, {} if old is None else old.digests or {})
            raise
        pointer = change.pointer or old
        if pointer is not None:
            with suppress(OSError):  # the change is done, and the next writer does what is left
                _settle(folder, pointer)


def finish_change(folder: Path) -> None:
    """Do what a process left undone that was killed at the end of a change; the run stays what it is.

    Raises:
        AugalgebraError: Nothing can be written there.
    """
    if any(path.name.startswith(".") for path in folder.iterdir()):
        with lock(folder, "changed"), files.naming_failures(folder):
            _settled(folder)


def add_derived(folder: Path, names: Collection[str]) -> Pointer:
    """Name pages and pictures in ``run.toml`` that were written about the run as it is; whoever calls has locked it.

    Raises:
        AugalgebraError: It cannot be read or written.
    """
    pointer = read_pointer(folder)
    derived = tuple(name for name in DERIVED if name in names or name in pointer.derived)
    if pointer.digests is None or derived == pointer.derived:
        return pointer  # of a run without digests, all that lies there is taken to be of it
    tables: dict[tuple[str, ...], Mapping[str, Any]] = {}
    for name, table in pointer.tables.items():
        if name == "transfer":
            tables |= {(name, head): entries for head, entries in table.items()}
        elif name not in ("files", "derived"):
            tables[name,] = table
    return _replace_pointer(folder, tables, pointer.digests, derived)


def _replace_pointer(folder: Path, tables: Tables, digests: Mapping[str, str], derived: tuple[str, ...]) -> Pointer:
    said = to_toml({**tables, **({("derived",): {"names": derived}} if derived else {})})
    named = dict(sorted(digests.items())) | {SETTINGS: _own_digest(said.encode())}
    files.write_atomically(folder / SETTINGS, f"{said}\n{to_toml({('files',): named})}")
    files.sync_folder(folder)
    return read_pointer(folder)


def _own_digest(text: bytes) -> str:
    """Digest of what ``run.toml`` says before it names files."""
    return folders.digest_of(text.partition(b"\n[files]\n")[0])


def _put_back(folder: Path, pointer: Pointer | None) -> None:
    if pointer is None:
        files.remove(folder / SETTINGS)
    elif revision_of(folder) != pointer.revision:
        files.write_atomically(folder / SETTINGS, pointer.text)


def _settled(folder: Path) -> Pointer | None:
    """What ``run.toml`` says, with all that a killed process left undone brought to its end."""
    try:
        pointer = read_pointer(folder)
    except RunError:  # there is none, or it is damaged and about to be replaced
        return None
    _settle(folder, pointer)
    return pointer


def _settle(folder: Path, pointer: Pointer) -> None:
    if pointer.digests is None:
        folders.settle(folder, {})
    else:
        unnamed = {*MEMBERS, *DERIVED} - {*pointer.digests, *pointer.derived}
        folders.settle(folder, pointer.digests, sorted(unnamed))


def _has(folder: Path, name: str, pointer: Pointer) -> bool:
    return (folder / name).exists() if pointer.digests is None else name in pointer.digests


def _carried(folder: Path, name: str, pointer: Pointer) -> str:
    return folders.digest_of(_content(folder, name, pointer)) if pointer.digests is None else pointer.digests[name]


def _content(folder: Path, name: str, pointer: Pointer) -> bytes:
    path = folder / name
    try:
        if pointer.digests is None:
            return read_bytes(path, _MOST_BYTES)
        return folders.read_member(folder, name, pointer.digests[name], _MOST_BYTES)
    except FileNotFoundError as error:
        raise RunError(f"{path} is missing; {_DAMAGED}") from error
    except folders.MismatchError as error:
        raise RunError(
            f"{path} is damaged or of another run: its SHA-256 is {str(error)[:12]}…, {SETTINGS} names "
            f"{(pointer.digests or {})[name][:12]}…; {_DAMAGED}"
        ) from error
    except OSError as error:
        raise RunError(f"{path} is damaged: {error.strerror or error}; {_DAMAGED}") from error
