"""Standard output and error that never fail in the middle of a command.

What cannot be written is no reason to leave a run half done: after the first failure the rest goes nowhere, and the
command ends as it would have. A reader that has gone (``augalg list | head -1``) is no failure at all; a full disk is
told at the end. Characters that the encoding of the terminal lacks are drawn with what it has.
"""

import codecs
import contextlib
import errno
import io
import os
import select
import sys
import unicodedata
from collections.abc import Iterator
from typing import IO, Any

DRAWN = {
    "≈": "~", "≠": "!=", "≤": "<=", "≥": ">=", "×": "x", "·": "*", "−": "-", "–": "-", "—": "-", "±": "+-", "√": "sqrt",
    "∞": "inf", "°": " deg", "‖": "||", "→": "->", "←": "<-", "↦": "|->", "↓": "v", "↑": "^", "✓": "+", "✗": "x",
    "•": "*", "‘": "'", "’": "'", "“": '"', "”": '"', "⁄": "/",
}  # fmt: skip
"""How characters are written where the encoding lacks them; others by what Unicode says of them."""
HANDLER = "augalg.drawn"
WIDTHS = range(20, 1001)
"""Widths and heights of a terminal that are believed when the environment states them."""


class _Outlet(io.FileIO):
    """A descriptor to which writing never fails: what comes after a failure goes nowhere.

    Attributes:
        failure: What went wrong first.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.failure: OSError | None = None

    def write(self, data: Any) -> int:
        """Write what can be written."""
        try:
            while (written := super().write(data)) is None:  # the descriptor does not block, and is full
                select.select([], [self], [])
        except OSError as error:
            self.failure = error
            with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a descriptor is wanted
                os.dup2(nowhere.fileno(), self.fileno())
            return memoryview(data).nbytes
        return written


_outlets: list[_Outlet] = []


def secure() -> None:
    """Make both streams safe to write to, and let a nonsensical size of the terminal be forgotten."""
    codecs.register_error(HANDLER, _draw)
    for name in ("COLUMNS", "LINES", "TERMINAL_WIDTH"):
        stated = os.environ.get(name, "")
        if not (stated.isdecimal() and len(stated) < 5 and int(stated) in WIDTHS):
            os.environ.pop(name, None)
    for descriptor in range(3):  # a closed one would be given to the next file that is opened
        with contextlib.suppress(OSError):
            os.fstat(descriptor)
            continue
        os.open(os.devnull, os.O_RDWR)
    _outlets.clear()
    if sys.stdout is sys.__stdout__:
        sys.stdout = _secured(sys.stdout, 1)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _secured(sys.stderr, 2)


def failure() -> OSError | None:
    """Why the answer could not be written to standard output, if it could not and somebody was to read it."""
    with contextlib.suppress(ValueError):  # it was closed
        sys.stdout.flush()
    for outlet in _outlets:
        if outlet.fileno() == 1 and outlet.failure is not None and outlet.failure.errno != errno.EPIPE:
            return outlet.failure
    return None


def is_utf8(stream: IO[str]) -> bool:
    """Whether a stream can hold every character."""
    return codecs.lookup(getattr(stream, "encoding", None) or "utf-8").name.startswith("utf")


def _secured(stream: IO[str] | None, descriptor: int) -> IO[str]:
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", buffer)  # the same where Python does not buffer
    if stream is not None and not isinstance(raw, io.FileIO):  # the console of Windows has a kind of its own
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=HANDLER)
        return stream
    outlet = _Outlet(descriptor)
    _outlets.append(outlet)
    return io.TextIOWrapper(
        io.BufferedWriter(outlet),
        encoding=getattr(stream, "encoding", "utf-8"),
        errors=HANDLER,
        line_buffering=getattr(stream, "line_buffering", False),
        write_through=getattr(stream, "write_through", False),
    )


def _draw(error: UnicodeError) -> tuple[str, int]:
    """What stands for characters that cannot be encoded."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_drawn(error.object[error.start : error.end])), error.end


def _drawn(text: str) -> Iterator[str]:
    raised = False
    for character in text:
        parts = unicodedata.decomposition(character)
        if parts.startswith("<super>") and not raised:
            yield "^"
        raised = parts.startswith("<super>")
        simpler = character if character in DRAWN else unicodedata.normalize("NFKD", character)
        yield from map(_simple, simpler)


def _simple(character: str) -> str:
    name = unicodedata.name(character, "")
    if character.isascii() or character in DRAWN:
        return DRAWN.get(character, character)
    if unicodedata.combining(character):
        return ""
    if name.startswith("BOX DRAWINGS"):
        return "-" if name.endswith("HORIZONTAL") else "|" if name.endswith("VERTICAL") else "+"
    if "BLOCK" in name or name.endswith("SHADE"):
        return "#"
    if name.startswith("GREEK"):
        return name.split()[-1].lower()
    return "?"
