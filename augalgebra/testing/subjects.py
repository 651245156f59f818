"""Augmentations under test: which words stand for them, what they are tried on, what became of a call."""

import contextlib
import copy
import inspect
import random
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeGuard

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from augalgebra.algebra.laws import Law
from augalgebra.algebra.words import Symbol, Word, word_of
from augalgebra.augmentation import Augmentation
from augalgebra.catalog import Catalog
from augalgebra.checks import Probe, dot_image, index_image, noise_images, suited_probes
from augalgebra.checks.instances import instances
from augalgebra.errors import AugalgebraError, AugmentationError, ParameterError
from augalgebra.isolation import describe, raised_by_statement
from augalgebra.parameters import REQUIRED

SIZES = (8, 32, 128)
"""Heights of the square images that are tried until the augmentation accepts one, smallest first."""
DRAWS = 3
"""At how many parameter values a family is tried, besides its bare name."""
SEED = 3
"""Seed of drawn parameters."""
_NUMERIC = ("int", "float", "Tensor", "Any", "object", "number", "Real", "bool")


class RaisedError(Exception):
    """An augmentation raised instead of returning.

    Attributes:
        error: What it raised.
        on_purpose: Whether it told, by raising `ValueError` itself, that it does not work on such images.
    """

    def __init__(self, error: BaseException, *, on_purpose: bool) -> None:
        self.error, self.on_purpose = error, on_purpose
        super().__init__(describe(error))


@dataclass(frozen=True)
class Images:
    """A batch to try an augmentation on.

    Attributes:
        pixels: Float batch ``[image, channel, height, width]`` in [0, 1].
        labels: What each image is, for people.
        ids: The images' numbers in their data set.
    """

    pixels: Float[Tensor, "image channel height width"]
    labels: tuple[str, ...]
    ids: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, chosen: Sequence[int]) -> "Images":
        return Images(
            self.pixels[list(chosen)],
            tuple(self.labels[number] for number in chosen),
            tuple(self.ids[number] for number in chosen),
        )

    @property
    def size(self) -> str:
        """For people: ``8×8 pixels, 1 channel``."""
        channels, height, width = self.pixels.shape[1:]
        return f"{height}×{width} pixels, {channels} channel{'s' if channels > 1 else ''}"


def images_of(channels: int, height: int, width: int, *, flat: bool = False) -> Images:
    """Four images without symmetries, of unlike brightness: dot, dim, index, noise.

    Args:
        channels: 1 or 3.
        height: At least 8.
        width: At least 8.
        flat: Black and white ones before them, which a division by their own range or variance turns into NaN.
    """
    size = (channels, height, width)
    index = index_image(*size)
    made = {"dot": dot_image(*size), "dim": 0.2 + 0.3 * index.flip(-1), "index": index}
    made["noise"] = noise_images(*size, count=1)
    if flat:
        made = {"black": torch.zeros_like(index), "white": torch.ones_like(index)} | made
    # numbers out of order, so that an augmentation that draws by position and not by number is found out
    return Images(torch.cat(list(made.values())), tuple(made), (5, 0, 3, 9, 2, 7)[: len(made)])


def _from_probes(probes: Sequence[Probe]) -> Iterator[Images]:
    for probe in probes:
        rows = [number % len(probe.images) for number in range(4)]
        yield Images(probe.images[rows], tuple(f"{probe.name}[{row}]" for row in rows), (5, 0, 3, 9))


@dataclass
class Subject:
    """One augmentation of a plugin, at several parameters.

    Attributes:
        catalog: Where it is registered.
        augmentation: The augmentation.
        given: Words that its author wants it tried at; if there are none, they are made up.
        seed: Seed of made-up parameter values.
        warned: What it warned of while it was tried.
        refused: What it refused on purpose.
        changed: What it changed of the process.
    """

    catalog: Catalog
    augmentation: Augmentation
    given: tuple[Word, ...] = ()
    seed: int = 0
    warned: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """The augmentation's bare name if it stands alone, then at simple values of its parameters."""
        if self.given:
            return self.given
        name = self.augmentation.name
        found: dict[Word, None] = {}
        with contextlib.suppress(ParameterError):  # a parameter has to be given
            found[self.catalog.word(word_of(name))] = None
        if self.augmentation.params and not self.without_values:
            everything = self.catalog.law(Law(word_of(name), word_of(name)))
            tried = instances(self.catalog, everything, draws=DRAWS, seed=self.seed)
            found.update((instance.lhs, None) for instance in tried)
        return tuple(found)

    @cached_property
    def without_values(self) -> tuple[str, ...]:
        """Parameters that have to be given and are no numbers, so that no values can be made up for them."""
        annotations = getattr(inspect.unwrap(self.augmentation.function), "__annotations__", {})
        return tuple(
            param.name
            for param in self.augmentation.params
            if (param.default is REQUIRED and param.draw is None and param.low is None and param.high is None)
            and param.name in annotations
            and not any(word in _type_text(annotations[param.name]) for word in _NUMERIC)
        )

    @cached_property
    def base(self) -> Images | None:
        """The smallest batch that one of the words accepts, or breaks on; None if all are refused.

        For an augmentation that is made for certain pictures, four of these.
        """
        suited = suited_probes(self.catalog, self.words)
        for images in _from_probes(suited[0] if suited else ()):
            if any(not self._refuses(word, images) for word in self.words):
                return images
        for size in SIZES:
            for channels in (1, 3):
                images = images_of(channels, size, size)
                if any(not self._refuses(word, images) for word in self.words):
                    return images
        return None

    @cached_property
    def tensors(self) -> tuple[Word, ...]:
        """The words that return a tensor for the base batch, whatever it is like."""
        return tuple(self.returned)

    @cached_property
    def usable(self) -> tuple[Word, ...]:
        """The words that return a batch of as many images for the base batch."""
        count = 0 if self.base is None else len(self.base)
        return tuple(word for word, tensor in self.returned.items() if tensor.ndim == 4 and len(tensor) == count)

    @cached_property
    def returned(self) -> dict[Word, Tensor]:
        """What the words return for the base batch, where that is a tensor."""
        found: dict[Word, Tensor] = {}
        if self.base is None:
            return found
        for word in self.words:
            with contextlib.suppress(RaisedError):
                result = self.call(word, self.base)
                if is_real(result):
                    found[word] = result
        return found

    def call(self, word: Word, images: Images, *, in_place: bool = False) -> Any:
        """Whatever the augmentation returns, held to nothing.

        Args:
            word: One of its words.
            images: What it is applied to.
            in_place: Hand it the very images, as they lie in memory, and not a copy.

        Raises:
            RaisedError: It raised.
        """
        returned: list[object] = []
        symbol = word.symbols[0]

        def spy(*arguments: object) -> Any:
            returned.append(self.augmentation.function(*arguments))
            return returned[-1]

        spied = copy.copy(self.catalog)
        spied.augmentations = self.catalog.augmentations | {symbol.name: replace(self.augmentation, function=spy)}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                pixels = images.pixels if in_place else images.pixels.clone()
                spied.apply(word, pixels, seed=SEED, ids=images.ids)
            except AugmentationError as error:
                # without a cause it is about what was returned, which is looked at elsewhere, and so is what it changed
                changed = getattr(error.__cause__, "changed", ())
                self.changed += changed
                if error.__cause__ is not None and not changed:
                    raise RaisedError(error.__cause__, on_purpose=self._on_purpose(error.__cause__)) from error
        self.warned += [f"{item.category.__name__}: {' '.join(str(item.message).split())}" for item in caught]
        return returned[0]

    def show(self, word: Word) -> str:
        """The word for people."""
        return self.catalog.display(word)

    def _on_purpose(self, error: BaseException) -> bool:
        """Whether the augmentation's own code raised a clear error, rather than running into one."""
        if not isinstance(error, ValueError | AugalgebraError) or not str(error).strip():
            return False
        *_, (frame, _) = traceback.walk_tb(error.__traceback__)
        home = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        own = str(getattr(inspect.unwrap(self.augmentation.function), "__module__", "")).partition(".")[0]
        return raised_by_statement(error) and home in (own, "augalgebra")

    def _refuses(self, word: Word, images: Images) -> bool:
        try:
            self.call(word, images)
        except RaisedError as raised:
            if raised.on_purpose:
                self.refused.append(f"{self.show(word)} refuses {images.size}: {raised.error}")
            return raised.on_purpose
        return False


def is_real(result: object) -> TypeGuard[Tensor]:
    """Whether it is a tensor that pixels could be in."""
    return isinstance(result, Tensor) and not result.is_complex()


def single(word: Word) -> Symbol | None:
    """The one symbol a word consists of, or None."""
    (*_, last) = (None, *word.letters)
    return last.symbol if last is not None and len(word) == 1 and not last.inverse else None


def random_states() -> dict[str, object]:
    """The global random states, by the name of the library."""
    numpy = np.random.get_state(legacy=False)  # noqa: NPY002 - the one that must not change
    return {
        "random": random.getstate(),
        "numpy.random": (numpy["state"]["key"].tobytes(), numpy["state"]["pos"], numpy["has_gauss"]),
        "torch": torch.get_rng_state().numpy().tobytes(),
    }


def scramble() -> None:
    """Put the global random states somewhere else, so that whoever draws from them is found out."""
    seed = int.from_bytes(random.randbytes(3), "big")
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the same
    torch.manual_seed(seed)


@contextlib.contextmanager
def preserved_random_states() -> Iterator[None]:
    """Leave the global random states as they were."""
    before: list[tuple[Callable[..., Any], Any]] = [
        (random.setstate, random.getstate()),
        (np.random.set_state, np.random.get_state(legacy=False)),  # noqa: NPY002 - the same
        (torch.set_rng_state, torch.get_rng_state()),
    ]
    try:
        yield
    finally:
        for put_back, state in before:
            put_back(state)


def _type_text(annotation: object) -> str:
    return annotation if isinstance(annotation, str) else str(getattr(annotation, "__name__", annotation))
