"""What was registered in a workspace, as the file ``augalg.toml`` tells it."""

import codecs
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from augalgebra.algebra.laws import parse_law
from augalgebra.augmentation import Shape
from augalgebra.catalog.digest import SHOWN
from augalgebra.errors import AugalgebraError, UnknownNameError
from augalgebra.hooks import CONTRACT_VERSION
from augalgebra.plain import PlainData
from augalgebra.storage.values import Fields, parse_toml, read_bytes, show_value

WORKSPACE_FILE = "augalg.toml"
MAX_BYTES = 10_000_000
"""Size of a workspace file that is still read."""
TABLE = "registered"

Kind = Literal["installed", "module", "file", "folder", "transform"]
_KINDS = ("installed", "module", "file", "folder", "transform")
_SHAPES = ("kept", "transposed", "changed")
_DIGEST = re.compile(f"[0-9a-f]{{{SHOWN}}}")
_LONGEST_TARGET = 10_000


@dataclass(frozen=True)
class RegisteredAugmentation:
    """One augmentation of something registered.

    Attributes:
        name: Full name.
        signature: Its parameters, as `Augmentation.signature` shows them.
        shape: What it does to height and width.
        laws: Digest of its laws at that time.
        tolerance: Largest absolute error on pixels at which exact laws hold, if it has one of its own.
        summary: One line for people.
    """

    name: str
    signature: str = ""
    shape: Shape = "kept"
    laws: str = ""
    tolerance: float | None = None
    summary: str = ""


@dataclass(frozen=True)
class Registration(PlainData):
    """What ``augalg register`` admitted to a workspace.

    Attributes:
        name: What it is called when it is asked for or unregistered.
        target: What was named: a distribution, module, file, folder or transform; paths as seen from the workspace.
        kind: What that is.
        plugins: Names of the plugins it consists of.
        distribution: The distribution it comes from; empty for files.
        version: The distribution's version; a digest of the content for files.
        contract: Version of the plugin contract it was registered against.
        through: For a transform, the plugin that builds it.
        accepted: Laws that were found to hold and accepted; they are used like declared ones.
        violated: Declared laws that do not hold; they are kept for the record and never reasoned with.
        augmentations: What it registered.
    """

    name: str
    target: str
    kind: Kind
    plugins: tuple[str, ...] = ()
    distribution: str = ""
    version: str = ""
    contract: int = CONTRACT_VERSION
    through: str = ""
    accepted: tuple[str, ...] = ()
    violated: tuple[str, ...] = ()
    augmentations: tuple[RegisteredAugmentation, ...] = ()


def read_workspace(file: Path) -> dict[str, Any]:
    """The workspace file as plain data; empty if there is none.

    Raises:
        AugalgebraError: It is not valid TOML, or cannot be read.
    """
    try:
        # some editors put a byte-order mark first
        return parse_toml(read_bytes(file, MAX_BYTES).removeprefix(codecs.BOM_UTF8))
    except FileNotFoundError:
        return {}
    except ValueError as error:  # no TOML, no UTF-8, or a number of thousands of digits
        raise AugalgebraError(f"{file} is not valid TOML: {error}") from None
    except OSError as error:
        raise AugalgebraError(f"cannot read {file}: {error.strerror or error}") from None


def registrations(file: Path, table: Mapping[str, Any]) -> tuple[Registration, ...]:
    """What a workspace file says was registered.

    Args:
        file: The file, for messages.
        table: Its content.

    Raises:
        AugalgebraError: An entry cannot be read as that; the message names it.
    """
    items = table.get(TABLE, [])
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise AugalgebraError(f"{file}: {TABLE!r} must be a list of tables, each written [[{TABLE}]]")
    found: dict[str, Registration] = {}
    for number, item in enumerate(items, start=1):
        where = f"{file}: [[{TABLE}]] number {number}"
        read = _registration(Fields(item, where, remedy="register it again, or delete it"), file.parent)
        if read.name in found:
            raise AugalgebraError(f"{file}: {read.name!r} is in there twice; delete one of the [[{TABLE}]] tables")
        found[read.name] = read
    return tuple(found.values())


def find_registration(items: Iterable[Registration], name: str) -> Registration:
    """The registration of this name, or the one that has a plugin or augmentation of this name.

    Raises:
        UnknownNameError: There is none; the message suggests the nearest.
    """
    items = tuple(items)
    for item in items:
        if item.name == name:
            return item
    for item in items:
        full = [augmentation.name for augmentation in item.augmentations]
        if name in item.plugins or name in full or name in [text.rpartition(".")[2] for text in full]:
            return item
    hint = "('augalg plugins list' shows all)" if items else "(nothing is registered here)"
    known = [item.name for item in items] + [entry.name for item in items for entry in item.augmentations]
    raise UnknownNameError("registration", name, known, hint)


def leaves(path: Path, workspace: Path) -> bool:
    """Whether a path, or what is loaded from such a folder, leads out of a workspace's folder, if only by a link."""
    inside = os.path.realpath(workspace)  # unlike `Path.resolve`, it is content with links that go round
    loaded = (path, path / "src", *path.glob("*.py"))
    return any(not Path(os.path.realpath(part)).is_relative_to(inside) for part in loaded)


def is_path(kind: Kind, target: str) -> bool:
    """Whether a target of this kind is a file or folder."""
    return kind in ("file", "folder") or (kind == "transform" and ":" not in target)


def _registration(item: Fields, workspace: Path) -> Registration:
    item.refuse_others(_READERS)
    item = Fields(item.data, f"{item.where} ({item.line('name')})", item.error, item.remedy)
    for key in ("target", "kind"):
        _READERS[key](item, key)  # the others have a default
    found = Registration(**{key: read(item, key) for key, read in _READERS.items() if key in item})
    if not found.plugins:
        raise item.failed(f"{item.where} has no plugins")
    if found.kind == "transform" and not found.augmentations:
        raise item.failed(f"{item.where} has no augmentations")
    own = {augmentation.name for augmentation in found.augmentations}
    for text in found.accepted:
        if own.isdisjoint(symbol.name for symbol in parse_law(text).symbols):
            raise item.failed(f"{item.where}: accepted: {show_value(text)} speaks of none of its augmentations")
    if found.kind == "module" and not all(part.isidentifier() for part in found.target.split(".")):
        raise item.wrong("target", "the name of a module", found.target)
    recorded = Path(found.target).is_absolute() and _DIGEST.fullmatch(found.version)
    if is_path(found.kind, found.target) and not recorded and leaves(workspace / found.target, workspace):
        raise item.failed(
            f"{item.where}: target {show_value(found.target)} leads out of this folder; what lies elsewhere is "
            "registered by 'augalg register PATH', which records what it holds"
        )
    return found


def _augmentation(item: Fields) -> RegisteredAugmentation:
    item.refuse_others(_INNER_READERS)
    _INNER_READERS["name"](item, "name")
    return RegisteredAugmentation(**{key: read(item, key) for key, read in _INNER_READERS.items() if key in item})


def _laws(item: Fields, key: str) -> tuple[str, ...]:
    laws = item.texts(key)
    for text in laws:
        try:
            parse_law(text)
        except AugalgebraError as error:
            problem = str(error).partition("\n")[0]
            raise item.failed(f"{item.where}: {key}: {show_value(text)} is no law: {problem}") from None
    return laws


def _names(item: Fields, key: str) -> tuple[str, ...]:
    return tuple(Fields({key: name}, item.where, item.error, item.remedy).line(key) for name in item.texts(key))


_READERS: Mapping[str, Callable[[Fields, str], Any]] = {
    "name": Fields.line,
    "target": lambda item, key: item.line(key, _LONGEST_TARGET),
    "kind": lambda item, key: item.one_of(key, _KINDS),
    "plugins": _names,
    "distribution": Fields.line,
    "version": Fields.line,
    "contract": lambda item, key: item.whole(key, 1),
    "through": Fields.line,
    "accepted": _laws,
    "violated": Fields.texts,
    "augmentations": lambda item, key: tuple(map(_augmentation, item.tables(key))),
}
_INNER_READERS: Mapping[str, Callable[[Fields, str], Any]] = {
    "name": Fields.line,
    "signature": Fields.text,
    "shape": lambda item, key: item.one_of(key, _SHAPES),
    "laws": Fields.digest,
    "tolerance": Fields.number,
    "summary": Fields.text,
}
