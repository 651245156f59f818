"""Writing registrations into the workspace file ``augalg.toml``.

Everything else in the file, comments included, stays as its owner wrote it. Nothing in a record depends on when it was
made, so that registering the same thing again leaves the file as it is, byte for byte.
"""

import tomllib
from collections.abc import Sequence
from pathlib import Path

import tomlkit
from tomlkit.items import AoT, Array, Table

from augalgebra.catalog.registration import TABLE, Registration, find_registration, read_workspace, registrations
from augalgebra.errors import AugalgebraError
from augalgebra.files import write_atomically


def record(file: Path, item: Registration) -> bool:
    """Write a registration into the workspace file, in the place of one of the same name.

    Returns:
        Whether the file had to be changed.

    Raises:
        AugalgebraError: The file cannot be read or written; it is as it was.
    """
    document = _document(file)
    tables = document.get(TABLE)
    if tables is None:
        tables = tomlkit.aot()
        tables.append(_table(item))
        document.append(TABLE, tables)
    else:
        known = registrations(file, document.unwrap())
        if item in known:
            return False
        _require_tables(file, tables)
        place = next((place for place, other in enumerate(known) if other.name == item.name), None)
        if place is None:
            tables.append(_table(item))
        else:
            tables[place] = _table(item)
    write_atomically(file, _checked(file, tomlkit.dumps(document)))
    return True


def erase(file: Path, name: str) -> None:
    """Take a registration out of the workspace file.

    Raises:
        AugalgebraError: It is not there, or the file cannot be read or written; it is as it was.
    """
    document = _document(file)
    known = registrations(file, document.unwrap())
    place = known.index(find_registration(known, name))
    tables = document[TABLE]
    _require_tables(file, tables)
    if len(known) == 1:
        del document[TABLE]
    else:
        del tables[place]  # type: ignore[union-attr]  # checked above
    write_atomically(file, _checked(file, tomlkit.dumps(document)))


def _document(file: Path) -> tomlkit.TOMLDocument:
    read_workspace(file)  # refuses what is not TOML, and says where the fault is
    # bytes, so that line ends stay as they are
    return tomlkit.parse(file.read_bytes().decode()) if file.exists() else tomlkit.document()


def _checked(file: Path, text: str) -> str:
    """The text, if it can be read again: whatever happens, no file is left that every command would stumble over."""
    try:
        registrations(file, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise AugalgebraError(
            f"{file} is laid out in a way that nothing can be added to safely ({error}); "
            f"move its [[{TABLE}]] tables to the end"
        ) from None
    return text


def _require_tables(file: Path, tables: object) -> None:
    if not isinstance(tables, AoT):
        raise AugalgebraError(f"{file}: {TABLE!r} must be a list of tables, each written [[{TABLE}]]")


def _table(item: Registration) -> Table:
    table = tomlkit.table()
    for key, value in item.as_dict().items():
        if key == "augmentations":
            inner = tomlkit.aot()
            for augmentation in value:
                entry = tomlkit.table()
                entry.update({name: content for name, content in augmentation.items() if content not in (None, "")})
                inner.append(entry)
            if value:
                table.append(key, inner)
        elif isinstance(value, tuple):
            if value:
                table.append(key, _array(value))
        elif value != "":
            table.append(key, value)
    return table


def _array(values: Sequence[str]) -> Array:
    array = tomlkit.array()
    array.extend(values)
    array.multiline(len(values) > 1)
    return array
