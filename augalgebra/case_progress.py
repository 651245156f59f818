"""How far something is that consists of many small things."""

from typing import Protocol

__all__ = ["CaseProgress", "unseen"]


class CaseProgress(Protocol):
    """Called as work goes on."""

    def __call__(self, done: int, total: int, what: str = "", /) -> object:
        """Take notice that so many of a total are done, and what is next; a total of 0 is not known."""


def unseen(_done: int, _total: int, _what: str = "", /) -> None:
    """Take no notice."""
