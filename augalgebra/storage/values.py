"""Plain data from files, each value looked at before it is used.

Whoever wrote a file may have been another version, another program, a failing disk or somebody malicious. `Fields`
hands out values of the type and range that were asked for; anything else is one line that says the file, the place,
what is wanted there and what to do.
"""

import errno
import json
import os
import struct
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from augalgebra.errors import AugalgebraError, UnknownNameError
from augalgebra.storage.files import open_regular

__all__ = [
    "MOST_TEXT",
    "Fields",
    "T",
    "parse_json",
    "parse_toml",
    "read_bytes",
    "safetensors_header",
    "show_value",
    "shown_name",
]

T = TypeVar("T")

MOST_TEXT = 1 << 24
"""Largest file of settings that is read, in bytes."""

_LONGEST = 10_000
_SHOWN = 40


class Fields:
    """A table of plain data.

    Args:
        data: What was read.
        where: The file and the place in it, for messages.
        error: The error to raise.
        remedy: What to do about a wrong value.

    Raises:
        AugalgebraError: As `error`: the data are no table.

    Examples:
        >>> Fields({"steps": 3}, "run.toml: [run]").whole("steps")
        3
        >>> Fields({"steps": "x"}, "run.toml", remedy="train again").whole("steps")
        Traceback (most recent call last):
        ...
        augalgebra.errors.AugalgebraError: run.toml: steps must be a whole number of at least 0, not 'x'; train again
    """

    def __init__(
        self, data: object, where: str, error: type[AugalgebraError] = AugalgebraError, remedy: str = ""
    ) -> None:
        self.where, self.error, self.remedy = where, error, remedy
        if not isinstance(data, Mapping) or not all(isinstance(key, str) for key in data):
            raise self.wrong("", "a table", data)
        self.data: Mapping[str, Any] = data

    def __contains__(self, key: str) -> bool:
        return key in self.data

    def wrong(self, key: str, wanted: str, value: object) -> AugalgebraError:
        """The error for a value that is something else than wanted."""
        place = f"{self.where}: {key}" if key else self.where
        return self.failed(f"{place} must be {wanted}, not {show_value(value)}")

    def failed(self, problem: str) -> AugalgebraError:
        """An error with what to do."""
        return self.error(f"{problem}; {self.remedy}" if self.remedy else problem)

    def refuse_others(self, known: Collection[str]) -> None:
        """Refuse a key that is none of those known, with the nearest of them.

        Raises:
            UnknownNameError: There is one.
        """
        for key in self.data:
            if key not in known:
                raise UnknownNameError("key", shown_name(key), known, f"in {self.where}")

    def text(self, key: str) -> str:
        """A text that is not endless."""
        value = self._value(key)
        if not isinstance(value, str) or len(value) > _LONGEST:
            raise self.wrong(key, "a text", value)
        return value

    def line(self, key: str, most: int = 255) -> str:
        """A text that can be shown: some printable letters, such as a name."""
        value = self._value(key)
        if not isinstance(value, str) or not 0 < len(value) <= most or not value.isprintable():
            raise self.wrong(key, f"a text of 1 to {most} printable letters", value)
        return value

    def one_of(self, key: str, among: Sequence[T]) -> T:
        """One of some values."""
        value = self._value(key)
        for item in among:
            if type(item) is type(value) and item == value:
                return item
        raise self.wrong(key, f"one of {', '.join(map(str, among))}", value)

    def digest(self, key: str) -> str:
        """A SHA-256 in hexadecimal digits."""
        value = self._value(key)
        if not isinstance(value, str) or len(value) != 64 or set(value) - set("0123456789abcdef"):
            raise self.wrong(key, "a SHA-256 of 64 hexadecimal digits", value)
        return value

    def whole(self, key: str, least: int = 0, most: int | None = None) -> int:
        """A whole number in a range."""
        value = self._value(key)
        bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= (most or 1 << 53):
            raise self.wrong(key, f"a whole number {bounds}", value)
        return value

    def number(self, key: str) -> float:
        """A number that is finite."""
        value = self._value(key)
        # a bool is an int, and an int may be beyond every float
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
            raise self.wrong(key, "a finite number", value)
        return float(value)

    def texts(self, key: str, most: int = 10_000) -> tuple[str, ...]:
        """A list of texts."""
        value = self._value(key)
        right = isinstance(value, list | tuple) and len(value) <= most
        if not right or not all(isinstance(item, str) for item in value):
            raise self.wrong(key, f"a list of at most {most} texts", value)
        return tuple(value)

    def wholes(self, key: str, count: int, least: int, most: int) -> tuple[int, ...]:
        """So many whole numbers in a range."""
        value = self._value(key)
        right = isinstance(value, list) and len(value) == count
        if not right or not all(type(item) is int and least <= item <= most for item in value):
            raise self.wrong(key, f"{count} whole numbers from {least} to {most}", value)
        return tuple(value)

    def table(self, key: str) -> "Fields":
        """A table in it."""
        return self.within(key, self._value(key))

    def tables(self, key: str, most: int = 100_000) -> "list[Fields]":
        """A list of tables."""
        value = self._value(key)
        if not isinstance(value, list) or len(value) > most:
            raise self.wrong(key, f"a list of at most {most} tables", value)
        return [self.within(f"{key}, number {number}", item) for number, item in enumerate(value, 1)]

    def within(self, place: str, data: object) -> "Fields":
        """A table that was found in it."""
        return Fields(data, f"{self.where}: {place}", self.error, self.remedy)

    def _value(self, key: str) -> Any:
        if key not in self.data:
            raise self.failed(f"{self.where} is incomplete: {key!r} is missing")
        return self.data[key]


def shown_name(name: str) -> str:
    """A name as a message shows it, on one line."""
    name = name if name.isprintable() else repr(name)
    return name[:_SHOWN] + "…" * (len(name) > _SHOWN)


def show_value(value: object) -> str:
    """A value as a message shows it: short, on one line, and never the hundred thousand digits of a number."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 128:
        return f"a number of about {value.bit_length() * 3 // 10} digits"
    if isinstance(value, dict | list | tuple):
        kind = "a table" if isinstance(value, dict) else "a list"
        return f"{kind} of {len(value)}"
    if isinstance(value, str):
        value = value[:_SHOWN] + ("…" if len(value) > _SHOWN else "")
    return repr(value)


def read_bytes(path: Path, most: int) -> bytes:
    """The content of a regular file.

    Raises:
        FileNotFoundError: It is missing.
        OSError: It cannot be read, is no regular file (a pipe would never end), or is larger than `most` bytes.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise OSError(errno.EFBIG, f"it has {size} bytes, more than {most}")
        return file.read()


def parse_toml(text: bytes) -> dict[str, Any]:
    """A TOML document.

    Raises:
        ValueError: It is none, or is nested too deeply.
    """
    import tomllib

    try:
        return tomllib.loads(text.decode())
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def parse_json(text: str | bytes) -> Any:
    """What JSON says.

    Raises:
        ValueError: It is no JSON, or is nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def safetensors_header(content: bytes) -> dict[str, Any]:
    """The header of a safetensors file: tensors by name, and ``__metadata__``.

    Raises:
        ValueError: It is damaged.
    """
    size = struct.unpack("<Q", content[:8])[0] if len(content) >= 8 else len(content)
    if 8 + size <= len(content) and isinstance(header := parse_json(content[8 : 8 + size]), dict):
        return header
    raise ValueError("its header is cut off or no table")
