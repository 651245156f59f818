"""What plugins leave alone of the process that they run in: read before them, put back after them."""

import builtins
import os
import random
import sys
import threading
import warnings
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any, Literal, NamedTuple

__all__ = ["ProcessState"]


class _Watched(NamedTuple):
    """Something of the process that plugins leave alone.

    Attributes:
        name: What it is, in words.
        read: Reads it, given the module that it belongs to.
        write: Puts it back.
        module: That module; before it is imported there is nothing to read.
        fresh: What it is right after that import, where that is known.
        kind: ``own`` is never changed by anybody else. Importing a library may change what is ``imported``, which
            stays, and ``drawn``, which is put back without a word; other threads may change both.
    """

    name: str
    read: Callable[[Any], Any]
    write: Callable[[Any, Any], object]
    module: str = "sys"
    fresh: Callable[[Any], Any] | None = None
    kind: Literal["own", "imported", "drawn"] = "own"


class ProcessState:
    """What the process was like when it was looked at."""

    def __init__(self, *, may_draw: bool = False) -> None:
        self._process, self._modules = os.getpid(), len(sys.modules)
        self._may_draw = may_draw
        self._watched = _OWN if threading.active_count() > 1 else _WATCHED
        self._values = [
            item.read(sys.modules[item.module]) if item.module in sys.modules else None for item in self._watched
        ]

    def restore(self) -> tuple[str, ...]:
        """Put back what was changed; returns what that was."""
        if os.getpid() != self._process:
            os._exit(0)  # a copy of the process that the plugin made must not answer as well
        imported = len(sys.modules) != self._modules
        changed = []
        for item, value in zip(self._watched, self._values, strict=True):
            module = sys.modules.get(item.module)
            if module is None or (imported and item.kind == "imported"):
                continue
            if value is None:
                if item.fresh is None:
                    continue
                value = item.fresh(module)
            if item.read(module) != value:
                item.write(module, value)
                if item.kind == "own" or not (imported or (self._may_draw and item.kind == "drawn")):
                    changed.append(item.name)
        return tuple(changed)


def _current_folder(_: Any) -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109 - asked for at every application, where building a path would show
    except OSError:  # it was deleted
        return None


def _environment(_: Any) -> dict[Any, Any]:
    return dict(os.environ._data)  # type: ignore[attr-defined] # a copy of the mapping itself takes 100 times as long


def _set_environment(_: Any, before: dict[Any, Any]) -> None:
    decode = os.environ.decodevalue
    for key in {*before, *_environment(_)}:
        if key in before:
            os.environ[decode(key)] = decode(before[key])
        else:
            del os.environ[decode(key)]


def _strict_filters(_: Any) -> list[Any]:
    return [item for item in warnings.filters if item[0] == "error"]


def _set_strict_filters(_: Any, before: list[Any]) -> None:
    _set_filters(_, [item for item in warnings.filters if item[0] != "error" or item in before])


def _set_filters(_: Any, before: Iterable[Any]) -> None:
    warnings.resetwarnings()  # makes Python forget what the old ones decided
    warnings.filters.extend(before)  # type: ignore[attr-defined]


def _numpy_state(numpy: Any) -> bytes | None:
    """Numpy's global generator: 624 words and a position in one piece; asking for them takes 20 times as long."""
    generator = numpy.random.get_bit_generator()
    if type(generator).__name__ != "MT19937":
        return None
    import ctypes  # which few need, and takes a while

    return ctypes.string_at(generator.ctypes.state_address, 4 * 625)


def _set_numpy_state(numpy: Any, state: bytes) -> None:
    words = numpy.frombuffer(state, numpy.uint32)
    numpy.random.set_state(("MT19937", words[:-1], int(words[-1])))


_BUILTINS = tuple(vars(builtins))

_OWN = (
    _Watched("the current folder", _current_folder, lambda _, folder: os.chdir(folder)),
    _Watched("the recursion limit", lambda _: sys.getrecursionlimit(), lambda _, limit: sys.setrecursionlimit(limit)),
    _Watched("warnings into errors", _strict_filters, _set_strict_filters),
    _Watched(
        "Python's built-in functions",
        lambda _: itemgetter(*_BUILTINS)(vars(builtins)),
        lambda _, values: vars(builtins).update(zip(_BUILTINS, values, strict=True)),
    ),
    _Watched(
        "numpy's handling of floating-point errors",
        lambda numpy: numpy.geterr(),
        lambda numpy, kinds: numpy.seterr(**kinds),
        "numpy",
    ),
    _Watched(
        "torch's default data type",
        lambda torch: torch.get_default_dtype(),
        lambda torch, dtype: torch.set_default_dtype(dtype),
        "torch",
        lambda torch: torch.float32,
    ),
    _Watched(
        "torch's default device",
        lambda torch: torch.empty(0).device,
        lambda torch, device: torch.set_default_device(None if device.type == "cpu" else device),
        "torch",
        lambda torch: torch.device("cpu"),
    ),
    _Watched(
        "whether torch records gradients",
        lambda torch: torch.is_grad_enabled(),
        lambda torch, enabled: torch.set_grad_enabled(enabled),
        "torch",
        lambda _: True,
    ),
)
_WATCHED = (
    *_OWN,
    _Watched("environment variables", _environment, _set_environment, kind="imported"),
    _Watched("the filters of warnings", lambda _: list(warnings.filters), _set_filters, kind="imported"),
    _Watched(
        "the global random state of random",
        lambda _: random.getstate(),
        lambda _, state: random.setstate(state),
        kind="drawn",
    ),
    _Watched("the global random state of numpy.random", _numpy_state, _set_numpy_state, "numpy", kind="drawn"),
    _Watched(
        "the global random state of torch",
        lambda torch: torch.get_rng_state().numpy().tobytes(),
        lambda torch, state: torch.set_rng_state(torch.frombuffer(bytearray(state), dtype=torch.uint8)),
        "torch",
        kind="drawn",
    ),
)
