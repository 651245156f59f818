"""Operators of a pretrained autoencoder and what can be done with them."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from jaxtyping import Float
from torch import Tensor

from augalgebra.algebra.words import IDENTITY, Word
from augalgebra.case_progress import CaseProgress, unseen
from augalgebra.consistency.cases import Case, refuse_singular, words_up_to
from augalgebra.consistency.grids.measuring import measure_grid
from augalgebra.consistency.grids.report import GridReport
from augalgebra.errors import ImageError
from augalgebra.operators.grids.operator import weights_in
from augalgebra.runs.grids.added_operators import GridExtension, extend_grid
from augalgebra.runs.grids.queries import (
    CROPS,
    GridComparison,
    MeasuredGridRoutes,
    MeasuredGridWord,
    compare_grid_words,
    measure_grid_routes,
    measure_grid_word,
)
from augalgebra.runs.grids.stored import StoredGridRun
from augalgebra.runs.transaction import Transaction, change
from augalgebra.tasks import Workers
from augalgebra.training.progress import Progress, silent


class GridRun(StoredGridRun):
    """Operators on the codes of a pretrained autoencoder, with how they came about.

    `augalgebra.runs.make_grid_run` makes one. What measures does so on crops of the run's test photographs. The
    autoencoder and the photographs are opened when they are first needed: moving codes that are there already needs
    neither. What changes the run writes it at once; in a `transaction` all changes are written together, or none.

    Attributes:
        folder: Where it is kept.
        registry: The operators.
        record: The autoencoder, what was asked for and on which photographs.
        settings: How the operators were fitted.
        augmentations: What operators were asked for.
        place: Where the autoencoder lies now, if it has moved.
        device: Where to compute: ``auto``, ``cpu``, ``cuda``, ….
        revision: Which state of the folder this is; empty if it was not read from there.
        in_transaction: Whether a transaction is open, which alone writes the run then.

    Examples:
        >>> run = GridRun.load("runs/taef2", load_catalog())  # doctest: +SKIP
        >>> moved = run.registry.operator("flip_lr * rotate_cw").apply(codes)  # doctest: +SKIP
    """

    def measure(self, word: str | Word, *, images: int = CROPS) -> MeasuredGridWord:
        """Move test crops by the operator of a word, decode, and score beside every other way to move them.

        Args:
            word: The word.
            images: How many test crops to use.

        Raises:
            MissingOperatorError: The run has no operator for the word.
            NotInvertibleError: The word undoes what cannot be undone.
            RunError: The autoencoder or the photographs are not those of the run.

        Examples:
            >>> run.measure("flip_lr").score.verdict  # doctest: +SKIP
        """
        return measure_grid_word(self, word, images=images)

    def compare(
        self, first: str | Word, second: str | Word, *, threshold: float | None = None, images: int = CROPS
    ) -> GridComparison:
        """Compare two words by what is drawn of test crops moved by the operators of their letters.

        They count as equal if what is drawn of one stands for what is drawn of the other as well as an operator that
        holds stands for the truth: from the bar on that `check` has for the first word.

        Args:
            first: A word.
            second: Another.
            threshold: Largest share of what their augmentations move at which they count as equal, instead of that bar.
            images: How many test crops to use.

        Raises:
            MissingOperatorError: An augmentation in a word has no operator.
            NotInvertibleError: A word undoes what cannot be undone.
            RunError: The autoencoder or the photographs are not those of the run.
        """
        return compare_grid_words(self, first, second, threshold=threshold, images=images)

    def routes(self, start: str | Word, goal: str | Word, *, images: int = CROPS) -> MeasuredGridRoutes:
        """Measure the routes from one view to another that the laws prove equal.

        Args:
            start: The view whose codes are moved.
            goal: The view that they are moved to.
            images: How many test crops to use.

        Raises:
            MissingOperatorError: No route has operators for all of its letters.
            NotInvertibleError: `start` cannot be undone.
            RunError: The autoencoder or the photographs are not those of the run.
        """
        return measure_grid_routes(self, start, goal, images=images)

    def check(
        self,
        *,
        max_length: int = 1,
        words: Sequence[str | Word] | None = None,
        images: int | None = None,
        workers: Workers | None = None,
        progress: CaseProgress = unseen,
    ) -> GridReport:
        """Measure every element that has an operator of its own beside every other way to move codes.

        Args:
            max_length: Measure all products of so many augmentations as well, which takes time for each.
            words: What to measure instead.
            images: How many test crops to use, if not all.
            workers: Who measures the words; this process by default.
            progress: Told before each word, or after those that a worker has measured.

        Raises:
            RunError: The autoencoder or the photographs are not those of the run.

        Examples:
            >>> run.check().worst.verdict  # doctest: +SKIP
            'holds'
        """
        catalog, registry = self.registry.catalog, self.registry
        letters = [catalog.word(name) for name in self.augmentations]
        asked = [catalog.word(word) for word in words or ()]
        if words is None:
            asked = [word for word in words_up_to(letters, max_length) if word in registry]
            asked += [word for word in registry.words if registry.reduced(word) not in map(registry.reduced, asked)]
        return measure_grid(
            self.space,
            registry,
            catalog,
            self.test_crops(images),
            asked,
            generators=letters,
            operator_bytes=self.operator_bytes,
            seed=self.settings.seed,
            workers=workers,
            progress=progress,
        )

    @torch.no_grad()
    def transform(
        self,
        images: Float[Tensor, "batch channel height width"],
        word: str | Word,
        *,
        view: str | Word = IDENTITY,
    ) -> Float[Tensor, "batch channel new_height new_width"]:
        """Encode images, move their codes by the operator of a word, and decode them.

        Args:
            images: Pixels in [0, 1], of any size that the stride divides.
            word: Where to.
            view: The word that the images already are under; the operator is then that of ``view⁻¹ * word``.

        Returns:
            The moved images, in [0, 1], on the device that they came from.

        Raises:
            MissingOperatorError: The word has an augmentation that the run has no operator for.
            NotInvertibleError: The word undoes what cannot be undone.
            ImageError: The stride does not divide their size, or pixels are not in [0, 1].
        """
        operator = self.registry.operator(self.route(word, view))
        if not len(images):
            return images
        low, high = images.aminmax()
        if low < 0 or high > 1:
            raise ImageError(f"pixels must lie in [0, 1]; here they reach from {low:g} to {high:g}")
        codes = self.space.encode(images.to(self.space.device, torch.float32))
        return self.space.decode(operator.apply(codes)).to(images.device, images.dtype)

    def route(self, word: str | Word, view: str | Word = IDENTITY) -> Word:
        """The word whose operator moves codes from a view to a word.

        Raises:
            NotInvertibleError: The word undoes what cannot be undone.
        """
        catalog = self.registry.catalog
        found = Case(catalog.word(word), catalog.word(view)).route
        refuse_singular(catalog, found)
        return found

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Make several changes in one block: written together when it ends, or none of them.

        See `augalgebra.runs.Run.transaction`.
        """
        return change(self)

    def add_operators(
        self,
        augmentations: Sequence[str],
        *,
        fit: str | None = None,
        seconds: float | None = None,
        images: int | None = None,
        progress: Progress = silent,
        cases: CaseProgress = unseen,
    ) -> tuple[GridExtension, ...]:
        """Fit operators of further augmentations, and of what they generate together with those that are there.

        Operators that are there and still true stay bit for bit as they are.

        Args:
            augmentations: The augmentations; parameters have to be given.
            fit: Name of the fit; by default that of the run.
            seconds: Time for the networks; by default that of the run.
            images: How many test crops to measure on, if not all.
            progress: Called after each step of the networks.
            cases: Called as crops are encoded and kernels fitted.

        Returns:
            Each operator that is there now of the augmentations, and of elements that are new.

        Raises:
            RunError: The autoencoder or the photographs are not those of the run, or the run has changed since.
            FitError: The laws do not allow the fit.
        """
        with nullcontext() if self.in_transaction else self.transaction():
            return extend_grid(
                self, augmentations, fit=fit, seconds=seconds, images=images, progress=progress, cases=cases
            )

    @property
    def operator_bytes(self) -> int:
        """Bytes of the weights of all operators."""
        return 4 * weights_in([entry.map for entry in self.registry.entries.values()])
