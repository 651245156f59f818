"""Results as plain data: dictionaries, lists, texts and numbers, as JSON has them."""

import math
from collections.abc import Iterable, Mapping, Set
from dataclasses import fields
from enum import Enum
from operator import attrgetter
from pathlib import PurePath
from typing import Any, ClassVar

__all__ = ["PlainData", "count_of", "finite", "pick", "to_plain"]


def count_of(number: int, noun: str) -> str:
    """A number of things, as a reader says it.

    Examples:
        >>> count_of(1, "picture"), count_of(0, "picture"), count_of(2000, "picture")
        ('1 picture', 'no pictures', '2,000 pictures')
    """
    return f"{f'{number:,}' if number else 'no'} {noun}{'' if number == 1 else 's'}"


class PlainData:
    """A dataclass that is written as JSON.

    Attributes:
        in_json: What is written and in which order; by default every field under its own name. An entry is the name
            of an attribute, may lead further by dots, and may say another name: ``"transfer.head as head"``.

    Examples:
        >>> from dataclasses import dataclass
        >>> @dataclass
        ... class Score(PlainData):
        ...     view: str
        ...     loss: float
        ...     in_json = "view as from", "loss"
        >>> Score("id", math.nan).to_dict()
        {'from': 'id', 'loss': None}
    """

    __slots__ = ()
    in_json: ClassVar[tuple[str, ...]] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return pick(self, self.in_json) if self.in_json else _by_fields(self)


def pick(thing: object, names: Iterable[str]) -> dict[str, Any]:
    """Some attributes as plain data.

    Args:
        thing: What has them.
        names: Their names, as in `PlainData.in_json`.
    """
    pairs = (name.partition(" as ") for name in names)
    return {key or path: to_plain(attrgetter(path)(thing)) for path, _, key in pairs}


def to_plain(value: Any) -> Any:
    """A value as plain data.

    Numbers that are not finite are None, paths their text, sets sorted, arrays and tensors lists. Whatever has a
    method ``to_dict`` is what that returns, another dataclass all its fields.

    Raises:
        TypeError: It is none of these.
    """
    match value:
        case Enum():
            return to_plain(value.value)
        case None | bool() | int() | str():
            return value
        case float():
            return finite(float(value))
        case PurePath():
            return str(value)
        case Mapping():
            return {str(key): to_plain(item) for key, item in value.items()}
        case Set():
            return sorted(map(to_plain, value))
        case list() | tuple():
            return list(map(to_plain, value))
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if hasattr(value, "__dataclass_fields__"):
        return _by_fields(value)
    if hasattr(value, "tolist"):  # of NumPy and PyTorch, neither of which is loaded for this
        return to_plain(value.tolist())
    raise TypeError(f"a {type(value).__name__} has no form as plain data")


def finite(number: float | None) -> float | None:
    """The number, or None where JSON has none for it."""
    return number if number is not None and math.isfinite(number) else None


def _by_fields(value: Any) -> dict[str, Any]:
    return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
