"""Writing registrations into the workspace file ``augalg.toml``.

Only the lines of the entry in question are touched: everything else in the file, comments included, stays as its owner
wrote it. (tomlkit writes the entry; it would not do for the file, as a comment above the next table goes with the entry
that is taken out.) Nothing in an entry depends on when it was made, so that registering the same thing again leaves the
file as it is, byte for byte.
"""

import re
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tomlkit

from augalgebra.catalog.registration import TABLE, Registration, find_registration, read_workspace, registrations
from augalgebra.errors import AugalgebraError
from augalgebra.storage import files
from augalgebra.storage.locks import lock

_ENTRY = re.compile(rf"\s*\[\[\s*{TABLE}\s*\]\]")
_WITHIN = re.compile(rf"\s*\[{{1,2}}\s*{TABLE}\s*\.")
_HEADER = re.compile(r"\s*\[")
_NOTHING = re.compile(r"\s*(#.*)?$")


def record(file: Path, item: Registration) -> bool:
    """Write a registration into the workspace file, in the place of one of the same name.

    Returns:
        Whether the file had to be changed.

    Raises:
        AugalgebraError: The file cannot be read or written; it is as it was.
    """
    with change_workspace(file):
        return _record(file, item)


def _record(file: Path, item: Registration) -> bool:
    content, known = _known(file)
    if item in known:
        return False
    names = [other.name for other in known]
    lines = _lines(file)
    line_end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    entry = _entry(item, line_end)
    data = tomllib.loads("".join(entry))[TABLE]
    tables = [*content.get(TABLE, [])]
    if item.name in names:
        place = names.index(item.name)
        start, end = _spans(file, lines, len(known))[place]
        lines[start:end] = entry
        tables[place : place + 1] = data
    else:
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += line_end
        lines += [line_end, *entry] if lines else entry
        tables += data
    _write(file, lines, content | {TABLE: tables})
    return True


def erase(file: Path, name: str) -> None:
    """Take a registration out of the workspace file; a file with nothing else in it is removed.

    Raises:
        UnknownNameError: It is not there; the message suggests the nearest.
        AugalgebraError: The file cannot be read or written; it is as it was.
    """
    with change_workspace(file):
        _erase(file, name)


@contextmanager
def change_workspace(file: Path) -> Iterator[None]:
    """Be the only one who changes the workspace file; if what is done meanwhile fails, it is as it was.

    Raises:
        AugalgebraError: The file cannot be read, or nothing can be written beside it.
    """
    with lock(file, "changed", is_file=True):
        text = "".join(_lines(file))
        try:
            yield
        except BaseException:
            if "".join(_lines(file)) != text:
                _replace(file, text)
            raise


def _erase(file: Path, name: str) -> None:
    content, known = _known(file)
    place = known.index(find_registration(known, name))
    lines = _lines(file)
    start, end = _spans(file, lines, len(known))[place]
    if start and not lines[start - 1].strip():
        start -= 1
    del lines[start:end]
    tables = [*content[TABLE]]
    del tables[place]
    rest = {key: value for key, value in content.items() if key != TABLE}
    _write(file, lines, rest | ({TABLE: tables} if tables else {}))


def _known(file: Path) -> tuple[dict[str, Any], tuple[Registration, ...]]:
    content = read_workspace(file)
    return content, registrations(file, content)


def _lines(file: Path) -> list[str]:
    """The lines with their ends, as they are."""
    try:
        text = file.read_bytes().decode() if file.exists() else ""
    except (OSError, ValueError) as error:
        raise AugalgebraError(f"cannot read {file}: {error}") from error
    return re.findall(r"[^\n]*\n|[^\n]+$", text)


def _spans(file: Path, lines: Sequence[str], count: int) -> list[tuple[int, int]]:
    """First and last line (exclusive) of each entry, without the comments and blank lines after it."""
    spans = []
    for start in (number for number, line in enumerate(lines) if _ENTRY.match(line)):
        end = start + 1
        while end < len(lines) and (not _HEADER.match(lines[end]) or _WITHIN.match(lines[end])):
            end += 1
        while _NOTHING.match(lines[end - 1]):
            end -= 1
        spans.append((start, end))
    if len(spans) != count:
        raise AugalgebraError(f"{file}: {TABLE!r} must be a list of tables, each written [[{TABLE}]]")
    return spans


def _write(file: Path, lines: Sequence[str], expected: dict[str, Any]) -> None:
    """Write the file if it says exactly what it should, so that no other entry of its owner's can be harmed."""
    text = "".join(lines)
    try:
        correct = tomllib.loads(text) == expected
    except tomllib.TOMLDecodeError:
        correct = False
    if not correct:
        raise AugalgebraError(f"{file} cannot be edited safely; write {TABLE!r} as tables [[{TABLE}]], nothing else")
    _replace(file, text)


def _replace(file: Path, text: str) -> None:
    if text.strip() or file.is_symlink():
        files.write_atomically(file, text)
    else:
        with files.naming_failures(file):
            files.remove(file)


def _entry(item: Registration, line_end: str) -> list[str]:
    table = tomlkit.table()
    for key, value in item.to_dict().items():
        if key == "augmentations" and value:
            inner = tomlkit.aot()
            for augmentation in value:
                entry = tomlkit.table()
                entry.update({name: content for name, content in augmentation.items() if content not in (None, "")})
                inner.append(entry)
            table.append(key, inner)
        elif isinstance(value, list) and value:
            array = tomlkit.array()
            array.extend(value)
            table.append(key, array.multiline(len(value) > 1))
        elif value not in ("", []):
            table.append(key, value)
    tables = tomlkit.aot()
    tables.append(table)
    text = tomlkit.dumps({TABLE: tables}).rstrip("\n")
    return [line + line_end for line in text.split("\n")]
