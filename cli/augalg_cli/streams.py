"""Standard output and error that never fail in the middle of a command.

What cannot be written is no reason to leave a run half done: after the first failure the rest goes nowhere, and the
command ends as it would have. A reader that has gone (``augalg list | head -1``) is no failure at all; a full disk is
told at the end. Characters that the encoding of the terminal lacks are drawn with what it has.

Standard output is for answers alone. It is written to through a descriptor of our own, and descriptor 1 leads to
standard error: whatever else writes there (a C library, a child process, a thread that a plugin left behind) spoils no
answer. Commands of plugins, which answer themselves, get it back while they run.
"""

import codecs
import contextlib
import errno
import io
import os
import select
import sys
import threading
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


class _Stream(io.TextIOWrapper):
    """Text to an outlet, written at once where Python was told not to buffer (``PYTHONUNBUFFERED``)."""

    def write(self, text: str) -> int:
        """Write it."""
        written = super().write(text)
        if self.write_through:
            self.flush()
        return written


class _Answers(_Stream):
    """Standard output for answers, which come from the main thread; others may be left over from plugins."""

    def write(self, text: str) -> int:
        """Write it where it belongs."""
        if threading.current_thread() is threading.main_thread():
            return super().write(text)
        return sys.stderr.write(text)


_outlets: list[_Outlet] = []
_answers: _Outlet | None = None
"""Where answers go, once that has a descriptor of its own."""


def secure() -> None:
    """Make both streams safe to write to, keep standard output for answers, and forget a nonsensical terminal size."""
    global _answers
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
    _answers = None
    if sys.stdout is sys.__stdout__:
        sys.stdout = _secured(sys.stdout, os.dup(1))
        if _outlets:
            _answers = _outlets[0]
            os.dup2(2, 1)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _secured(sys.stderr, 2)


@contextlib.contextmanager
def given_back() -> Iterator[None]:
    """Let descriptor 1 be standard output again, for a command of a plugin and the processes that it starts."""
    if _answers is None:
        yield
        return
    sys.stdout.flush()
    os.dup2(_answers.fileno(), 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(2, 1)


def close() -> None:
    """Nothing more is an answer: what is still printed, when Python ends, goes to standard error."""
    if _answers is not None:
        sys.stdout.flush()
        sys.stdout = sys.stderr


def failure() -> OSError | None:
    """Why the answer could not be written to standard output, if it could not and somebody was to read it."""
    with contextlib.suppress(ValueError):  # it was closed
        sys.stdout.flush()
    lost = None if _answers is None else _answers.failure
    return None if lost is None or lost.errno == errno.EPIPE else lost


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
    kind = _Stream if descriptor == 2 else _Answers
    return kind(
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
