"""Results as plain data."""

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import augalg_slides
import numpy as np
import pytest
import torch

import augalgebra
from augalgebra.plain import PlainData, pick, to_plain


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True)
class Head:
    name: str
    path: Path


@dataclass(frozen=True)
class Score(PlainData):
    view: str
    loss: float
    head: Head
    hidden: object = None
    in_json = "view as from", "loss", "head.name as head", "double"

    @property
    def double(self) -> float:
        return 2 * self.loss


def test_names_are_picked_in_their_order() -> None:
    score = Score("id", 1.5, Head("main", Path("a/b")))
    assert list(score.to_dict().items()) == [("from", "id"), ("loss", 1.5), ("head", "main"), ("double", 3.0)]
    assert pick(score, ["head"]) == {"head": {"name": "main", "path": str(Path("a/b"))}}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (math.nan, None),
        ((1, math.inf, [True, None]), [1, None, [True, None]]),
        ({1: Colour.RED, "b": Path("x")}, {"1": "red", "b": "x"}),
        (frozenset({"b", "a"}), ["a", "b"]),
        (np.array([[1.0, np.nan]]), [[1.0, None]]),
        ({"a": np.float64(2.5), "b": np.int64(3), "c": np.bool_(True)}, {"a": 2.5, "b": 3, "c": True}),
        (torch.tensor([1, 2]), [1, 2]),
        (torch.tensor(0.5), 0.5),
    ],
)
def test_values_become_plain(value: object, expected: object) -> None:
    plain = to_plain(value)
    assert plain == expected
    assert json.loads(json.dumps(plain, allow_nan=False)) == expected


def test_what_has_no_plain_form_is_refused() -> None:
    with pytest.raises(TypeError, match="object has no form"):
        to_plain({"a": [object()]})


def classes() -> Iterator[type[PlainData]]:
    for package in (augalgebra, augalg_slides):
        for module in walk_packages(package.__path__, f"{package.__name__}."):
            import_module(module.name)
    waiting = [PlainData]
    while waiting:
        waiting += (found := waiting.pop().__subclasses__())
        yield from found


def unknown(kind: type[PlainData]) -> list[str]:
    """What its names begin with and it does not have."""
    fields = getattr(kind, "__dataclass_fields__", {})
    firsts = [name.partition(" as ")[0].partition(".")[0] for name in kind.in_json]
    return [first for first in firsts if first not in fields and not hasattr(kind, first)]


def test_every_name_is_an_attribute() -> None:
    assert {kind.__qualname__: unknown(kind) for kind in classes() if unknown(kind)} == {}


def test_a_name_that_is_none_is_found() -> None:
    kind = type("Wrong", (Score,), {"in_json": ("view", "viwe as from")})
    assert unknown(kind) == ["viwe"]


def test_no_array_library_is_loaded_for_it() -> None:
    code = "import sys, augalgebra.plain; print(sorted({'numpy', 'torch'} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
