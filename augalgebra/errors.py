"""Errors that reach a user: one clear line saying what is wrong and how to mend it."""

import difflib
from collections.abc import Iterable

__all__ = [
    "AmbiguousNameError",
    "AugalgebraError",
    "AugmentationError",
    "BusyError",
    "DataError",
    "FitError",
    "GridMoveError",
    "ImageError",
    "IncompleteError",
    "MissingOperatorError",
    "MomentsError",
    "NotInvertibleError",
    "OrbitError",
    "ParameterError",
    "PluginError",
    "RankError",
    "RunError",
    "SpaceError",
    "StaleOperatorError",
    "StoreError",
    "UnknownNameError",
    "WordSyntaxError",
    "nearest",
]


class AugalgebraError(Exception):
    """Base of every error this library raises on purpose."""


_BESIDE = 60  # characters that are shown on either side of a place in a text


class WordSyntaxError(AugalgebraError):
    """Text that is not a word or a law; the message has a caret under the place.

    Attributes:
        text: The whole text.
        position: Index into `text` where reading stopped.
        problem: What was wrong there, in one phrase.
    """

    def __init__(self, text: str, position: int, problem: str) -> None:
        self.text, self.position, self.problem = text, position, problem
        shown = "".join(character if character.isprintable() else " " for character in text)
        start = max(0, position - _BESIDE)
        before, after = "..." * (start > 0), "..." * (len(text) > position + _BESIDE)
        excerpt = before + shown[start : position + _BESIDE] + after
        super().__init__(f"{problem}\n  {excerpt}\n  {' ' * (position - start + len(before))}^")


class UnknownNameError(AugalgebraError):
    """A name nothing is registered under; the message suggests the nearest."""

    def __init__(self, kind: str, name: str, known: Iterable[str], hint: str = "") -> None:
        self.name = name
        message = f"unknown {kind} {name if len(name) < _BESIDE else f'{name[:_BESIDE]}...'!r}"
        near = nearest(name, known) if len(name) < _BESIDE else []
        if near:
            message += f"; did you mean {' or '.join(near)}?"
        super().__init__(message + (f" {hint}" if hint else ""))


class AmbiguousNameError(AugalgebraError):
    """A short name that several augmentations share."""


class ParameterError(AugalgebraError):
    """A parameter that is missing, unknown, of the wrong type or out of range."""


class NotInvertibleError(AugalgebraError):
    """An inverse was asked for that does not exist or is not known; the message names the reason."""


class ImageError(AugalgebraError):
    """Images that cannot be used: wrong shape, type or range, NaN, none at all, unreadable."""


class AugmentationError(AugalgebraError):
    """An augmentation that broke its promise while it ran (raised, changed shape, returned NaN)."""


class PluginError(AugalgebraError):
    """A plugin that cannot be used; always reported by name and never fatal to the rest."""


class IncompleteError(AugalgebraError):
    """A computation that reached its bound before it was finished."""


class BusyError(AugalgebraError):
    """Files that another process is changing; the message names it."""


class RunError(AugalgebraError):
    """A run folder that is missing, damaged or does not match."""


class SpaceError(AugalgebraError):
    """An autoencoder that cannot be opened: missing, damaged, of another make, or made of more than weights."""


class DataError(AugalgebraError):
    """A data set that is missing, damaged or of an unexpected form."""


class MomentsError(AugalgebraError):
    """Encodings that no operator can be fitted to: NaN, of the wrong shape, too few, a view that is missing."""


class RankError(MomentsError):
    """Encodings that span fewer directions than the latent space has."""


class OrbitError(MomentsError):
    """Views that are not closed under the augmentations in question."""


class FitError(AugalgebraError):
    """A fit that does not exist, or that the laws do not allow."""


class GridMoveError(AugalgebraError):
    """A word that moves no positions of a grid of codes, or a grid of a size that a move cannot act on."""


class MissingOperatorError(AugalgebraError):
    """A word whose operator the registry does not have; the message says which exist and how to fit it."""


class StaleOperatorError(AugalgebraError):
    """Operators that were fitted on another encoder, or on augmentations that have changed since."""


class StoreError(AugalgebraError):
    """A file of operators that is missing, damaged or made for something else."""


def nearest(name: str, known: Iterable[str], most: int = 2) -> list[str]:
    """The known names closest to `name`, best first.

    Both a full name and its last part are compared, so that ``flip`` finds ``dihedral.flip_lr``.
    """
    by_key: dict[str, str] = {}
    for full in known:
        by_key.setdefault(full.rsplit(".", 1)[-1].lower(), full)
        by_key.setdefault(full.lower(), full)
    hits = difflib.get_close_matches(name.lower(), list(by_key), n=most * 2, cutoff=0.6)
    hits += [key for key in by_key if name.lower() in key and key not in hits]
    return list(dict.fromkeys(by_key[key] for key in hits))[:most]
