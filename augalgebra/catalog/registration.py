"""What was registered in a workspace, as the file ``augalg.toml`` tells it."""

import stat
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from augalgebra.algebra.laws import parse_law
from augalgebra.augmentation import Shape
from augalgebra.errors import AugalgebraError, UnknownNameError
from augalgebra.hooks import CONTRACT_VERSION

WORKSPACE_FILE = "augalg.toml"
MAX_BYTES = 10_000_000
"""Size of a workspace file that is still read."""
TABLE = "registered"

Kind = Literal["installed", "module", "file", "folder", "transform"]
_KINDS = ("installed", "module", "file", "folder", "transform")
_SHAPES = ("kept", "transposed", "changed")


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
class Registration:
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

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def read_workspace(file: Path) -> dict[str, Any]:
    """The workspace file as plain data; empty if there is none.

    Raises:
        AugalgebraError: It is not valid TOML, or cannot be read.
    """
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise AugalgebraError(f"{file} is no regular file; remove it, or put the workspace's file there")
        if file.stat().st_size > MAX_BYTES:
            raise AugalgebraError(f"{file} has more than {MAX_BYTES} bytes; no workspace needs so many")
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))  # some editors put a byte-order mark first
    except FileNotFoundError:
        return {}
    except RecursionError:
        raise AugalgebraError(f"{file} is not valid TOML: it is nested too deeply") from None
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
        read = _registration(f"{file}: [[{TABLE}]] number {number}", item)
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


def _registration(where: str, item: Mapping[str, Any]) -> Registration:
    _check_keys(where, item, Registration)
    for key in ("name", "target", "kind"):
        if not item.get(key):
            raise AugalgebraError(f"{where} has no {key}; register it again, or delete it")
    where += f" ({item['name']})"
    if item["kind"] not in _KINDS:
        raise AugalgebraError(f"{where}: kind must be one of {', '.join(_KINDS)}, not {item['kind']!r}")
    inner = item.get("augmentations", [])
    if not isinstance(inner, list) or not all(isinstance(entry, dict) and "name" in entry for entry in inner):
        raise AugalgebraError(f"{where}: augmentations must be tables with a name")
    if item["kind"] == "transform" and not inner:
        raise AugalgebraError(f"{where} has no augmentations; register it again, or delete it")
    for entry in inner:
        _check_keys(f"{where}, augmentations", entry, RegisteredAugmentation)
        if entry.get("shape", "kept") not in _SHAPES:
            raise AugalgebraError(f"{where}: shape must be one of {', '.join(_SHAPES)}, not {entry['shape']!r}")
    for text in item.get("accepted", []):
        try:
            parse_law(text)
        except AugalgebraError as error:
            problem = str(error).partition("\n")[0]
            raise AugalgebraError(f"{where}: accepted: {text!r} is no law: {problem}") from None
    values: dict[str, Any] = {k: tuple(value) if isinstance(value, list) else value for k, value in item.items()}
    return Registration(**(values | {"augmentations": tuple(RegisteredAugmentation(**entry) for entry in inner)}))


_EXPECTED: Mapping[str, tuple[Any, str]] = {
    "plugins": (list, "a list of texts"),
    "accepted": (list, "a list of texts"),
    "violated": (list, "a list of texts"),
    "contract": (int, "a whole number"),
    "tolerance": ((int, float), "a number"),
    "augmentations": (list, "a list of tables"),
}


def _check_keys(where: str, item: Mapping[str, Any], cls: type[Any]) -> None:
    known = [field.name for field in fields(cls)]
    for key, value in item.items():
        if key not in known:
            raise UnknownNameError("key", key, known, f"in {where}")
        kind, text = _EXPECTED.get(key, (str, "a text"))
        texts = key == "augmentations" or not isinstance(value, list) or all(isinstance(one, str) for one in value)
        if not isinstance(value, kind) or isinstance(value, bool) or not texts:
            raise AugalgebraError(f"{where}: {key} must be {text}, not {value!r}")
