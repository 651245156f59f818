"""A trained latent space and what can be done with it."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from augalgebra.algebra.words import IDENTITY, Word
from augalgebra.consistency.report import CompositionReport
from augalgebra.data.dataset import Dataset
from augalgebra.latent.code_flow import STEPS
from augalgebra.latent.protocol import MAIN_HEAD
from augalgebra.runs.added_heads import transfer
from augalgebra.runs.added_operators import Extension, extend
from augalgebra.runs.check import measure_run
from augalgebra.runs.densities import fitting
from augalgebra.runs.moves import Move
from augalgebra.runs.parts.partition import Partition, partition_run
from augalgebra.runs.queries import (
    IMAGES,
    THRESHOLD,
    LatentComparison,
    MeasuredRoutes,
    MeasuredWord,
    compare_in_run,
    measure_routes,
    measure_word,
)
from augalgebra.runs.storage.code_density import CodeDensity
from augalgebra.runs.storage.records import Mode, Transfer
from augalgebra.runs.storage.stored_run import StoredRun
from augalgebra.runs.transaction import Transaction, change
from augalgebra.tasks import Workers
from augalgebra.training.progress import Progress, silent


class Run(StoredRun):
    """One trained latent space with its operators and how they came about.

    What measures does so on test images of the run's data set, which it loads unless it is given as `data`. What
    changes the run writes it at once; in a `transaction` all changes are written together, or none. Pages about a run
    are made by `augalgebra.reports.document_of_run`.

    Attributes:
        folder: Where it is kept.
        settings: What was asked for, with the preset's values filled in.
        space: The latent space.
        registry: Its operators.
        data: Name, fingerprint and sizes of the data set.
        steps: Steps of stage 1.
        ended: Why stage 1 ended.
        transfers: Heads of stage 3, by name.
        metrics: One entry for each epoch of each stage.
        density: How likely codes are, if that was fitted.
        revision: Which state of the folder this is; empty if it was not read from there.
        in_transaction: Whether a transaction is open, which alone writes the run then.

    Examples:
        >>> run = Run.load("runs/flips", load_catalog())  # doctest: +SKIP
        >>> run.measure("flip_lr * flip_ud").score.gap_ratio  # doctest: +SKIP
        1.04
    """

    def measure(
        self,
        word: str | Word,
        *,
        images: int = IMAGES,
        data: Dataset | None = None,
        data_dir: str | Path | None = None,
    ) -> MeasuredWord:
        """Move test images by the operator of a word, decode, and score against the true images.

        Args:
            word: The word.
            images: How many test images to use.
            data: The data set of the run, if it is in memory already.
            data_dir: Where downloaded data sets lie.

        Raises:
            MissingOperatorError: The run has no operator for the word.
            NotInvertibleError: The word undoes what cannot be undone.
            RunError: The data are not those of the run.

        Examples:
            >>> run.measure("flip_lr").score.verdict  # doctest: +SKIP
        """
        return measure_word(self, word, images=images, data=data, data_dir=data_dir)

    def compare(
        self,
        first: str | Word,
        second: str | Word,
        *,
        threshold: float = THRESHOLD,
        images: int = IMAGES,
        data: Dataset | None = None,
        data_dir: str | Path | None = None,
    ) -> LatentComparison:
        """Compare two words by their operators and by what is drawn of test images moved by them.

        Args:
            first: A word.
            second: Another.
            threshold: Largest share of what their augmentations move at which they count as equal.
            images: How many test images to use.
            data: The data set of the run, if it is in memory already.
            data_dir: Where downloaded data sets lie.

        Raises:
            MissingOperatorError: An augmentation in a word has no operator.
            NotInvertibleError: A word undoes what cannot be undone.
            RunError: The data are not those of the run.

        Examples:
            >>> run.compare("flip_lr * flip_ud", "flip_ud * flip_lr").equal  # doctest: +SKIP
            True
        """
        return compare_in_run(self, first, second, threshold=threshold, images=images, data=data, data_dir=data_dir)

    def routes(
        self,
        start: str | Word,
        goal: str | Word,
        *,
        images: int = IMAGES,
        data: Dataset | None = None,
        data_dir: str | Path | None = None,
    ) -> MeasuredRoutes:
        """Measure the routes from one view to another that the laws prove equal.

        Args:
            start: The view whose codes are moved.
            goal: The view that they are moved to.
            images: How many test images to use.
            data: The data set of the run, if it is in memory already.
            data_dir: Where downloaded data sets lie.

        Raises:
            MissingOperatorError: No route has operators for all of its letters.
            NotInvertibleError: `start` cannot be undone.
            RunError: The data are not those of the run.

        Examples:
            >>> run.routes("flip_lr", "flip_ud").best.route  # doctest: +SKIP
            'flip_lr * flip_ud'
        """
        return measure_routes(self, start, goal, images=images, data=data, data_dir=data_dir)

    def check(
        self,
        *,
        max_length: int = 2,
        head: str | None = None,
        images: int | None = None,
        words: Sequence[str] | None = None,
        views: Sequence[str] | None = None,
        data: Dataset | None = None,
        data_dir: str | Path | None = None,
        workers: Workers | None = None,
    ) -> CompositionReport:
        """Measure the words of the run's augmentations, or of those that one of its heads was added for.

        Args:
            max_length: Longest word.
            head: A head of stage 3; None measures what stage 1 trained.
            images: How many test images to use, if not all.
            words: Words to aim at; by default all up to the longest.
            views: Where from; by default the original, each augmentation and their products.
            data: The data set of the run, if it is in memory already.
            data_dir: Where downloaded data sets lie.
            workers: Who measures; this process by default.

        Raises:
            RunError: There is no such head, or the data are not those of the run.

        Examples:
            >>> run.check().worst_gap_ratio  # doctest: +SKIP
            1.08
        """
        return measure_run(
            self,
            max_length=max_length,
            head=head,
            images=images,
            words=words,
            views=views,
            data=data,
            data_dir=data_dir,
            workers=workers,
        )

    def partition(
        self,
        *,
        images: int | None = 1000,
        data: Dataset | None = None,
        data_dir: str | Path | None = None,
    ) -> Partition:
        """Cut the latent space into named parts: what no augmentation changes, and what each changes.

        Args:
            images: How many test images to measure shares of the variance on, if not all.
            data: The data set of the run, if it is in memory already.
            data_dir: Where downloaded data sets lie.

        Raises:
            FitError: The operators make no finite group.
            RunError: The data are not those of the run.

        Examples:
            >>> [(part.name, part.dim) for part in run.partition().parts]  # doctest: +SKIP
            [('unchanged', 4), ('changed by flip_ud', 4), ('changed by flip_lr', 4), ('changed by flip_lr and ...', 4)]
        """
        return partition_run(self, images=images, data=data, data_dir=data_dir)

    def fit_density(
        self,
        *,
        classes: bool = True,
        images: int = fitting.IMAGES,
        steps: int = STEPS,
        data: Dataset | None = None,
        data_dir: str | Path | None = None,
    ) -> CodeDensity:
        """Fit how likely codes are, given class and view, and keep it in the run in place of what was there.

        Everything else in the run stays bit for bit as it is.

        Args:
            classes: Tell it the classes, if the data have any.
            images: Training images to fit, at most.
            steps: Steps of 512 codes each.
            data: The data set of the run, if it is in memory already.
            data_dir: Where downloaded data sets lie.

        Raises:
            RunError: The data are not those of the run, or the run in the folder has changed since it was read.
            AugalgebraError: There are too few images, or an augmentation cannot be applied to them.

        Examples:
            >>> density = run.fit_density()  # doctest: +SKIP
            >>> codes = density.draw(8, label=density.find_class("3"))  # doctest: +SKIP
        """
        with nullcontext() if self.in_transaction else self.transaction():
            found = fitting.fit_density(self, classes=classes, images=images, steps=steps, data=data, data_dir=data_dir)
            self.density = found
        return found

    def transform(
        self,
        images: Float[Tensor, "batch channel height width"],
        word: str | Word,
        *,
        view: str | Word = IDENTITY,
        head: str = MAIN_HEAD,
        refined: bool = False,
    ) -> Float[Tensor, "batch channel height width"]:
        """Encode images, move them by the operator of a word, and decode them.

        A pipeline that does so with many batches takes a `augalgebra.runs.LatentTransform`.

        Args:
            images: Pixels in [0, 1], of the size that the run was trained on.
            word: Where to.
            view: The word that the images already are under.
            head: The decoder to draw with.
            refined: Whether codes are refined against the images, see `augalgebra.latent.refine.refine`.

        Returns:
            The moved images, in [0, 1], on the device that they came from.

        Raises:
            RunError: There is no such head.
            MissingOperatorError: The word has an augmentation that the run has no operator for.
            NotInvertibleError: The word undoes what cannot be undone.
            ImageError: The images are of another size, or pixels are not in [0, 1].

        Examples:
            >>> flipped = run.transform(images, "flip_lr")  # doctest: +SKIP
        """
        return Move(self, word, view=view, head=head, refined=refined)(images)

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Make several changes in one block: written together when it ends, or none of them.

        An error in the block, or while it is written, leaves the run as it was, in its folder and in memory, and the
        workspace as well. So does whoever kills the process in the block. Two folders cannot change in one step: killed
        just between the two, a process leaves each whole, and the same block again comes to the same end. Something is
        registered then and has no operator yet, or its operator is taken out and it is still registered.

        Returns:
            A block. It gives a `Transaction`, which records and erases what a workspace has.

        Raises:
            RunError: The run in the folder has changed since this one was read, or a transaction is open already.
            BusyError: The run is being trained.
            AugalgebraError: Something cannot be written.

        Examples:
            >>> with run.transaction():  # doctest: +SKIP
            ...     run.add_operators(["rotate_cw"])
            ...     run.transfer(["rotate_cw"], mode="extend", epochs=10)
        """
        return change(self)

    def add_operators(
        self,
        augmentations: Sequence[str],
        *,
        fit: str | None = None,
        images: int | None = None,
        data: Dataset | None = None,
        data_dir: str | Path | None = None,
        progress: Progress = silent,
    ) -> tuple[Extension, ...]:
        """Fit an operator for each of some augmentations on the frozen encoder, and measure it on test images.

        Everything else in the run stays bit for bit as it is.

        Args:
            augmentations: The augmentations; a parameter without a default or a distribution has to be given.
            fit: Name of the fit; None lets the laws decide.
            images: How many test images to measure on, if not all.
            data: The data set of the run, if it is in memory already.
            data_dir: Where downloaded data sets lie.
            progress: Called after each step of fits that descend.

        Raises:
            RunError: The data are not those of the run, or the run in the folder has changed since it was read.
            FitError: The laws do not allow the fit.
            AugalgebraError: An augmentation cannot be applied to the run's images, or changes their size.

        Examples:
            >>> (added,) = run.add_operators(["rotate_cw"])  # doctest: +SKIP
            >>> added.score.gap_ratio  # doctest: +SKIP
            1.12
        """
        with nullcontext() if self.in_transaction else self.transaction():
            return extend(self, augmentations, fit=fit, images=images, data=data, data_dir=data_dir, progress=progress)

    def transfer(
        self,
        augmentations: Sequence[str | Word],
        *,
        mode: Mode = "extend",
        onto: Sequence[str | Word] | None = None,
        head: str | None = None,
        decoder: str | None = None,
        fit: str | None = None,
        epochs: int | None = None,
        seconds: float | None = None,
        learning_rate: float = 0.0,
        data: Dataset | None = None,
        data_dir: str | Path | None = None,
        progress: Progress = silent,
    ) -> Transfer:
        """Add a head that draws other augmentations (stage 3); encoder, operators and other heads stay bit for bit.

        Interrupted by `KeyboardInterrupt`, or with a loss that is not finite, it keeps the head as it last was good; in
        a transaction nothing is kept.

        Args:
            augmentations: The new augmentations.
            mode: ``extend`` fits an operator for each new augmentation that has none; ``relabel`` reuses those of the
                trained ones in their order, as published.
            onto: With ``relabel``: the trained augmentations whose operators are reused, the first for the first new
                one and so on; by default those of the run in their order.
            head: Name of the head; by default the augmentations' names.
            decoder: Decoder of a plugin that the head shall have; by default the mirror image of the encoder.
            fit: Name of the fit of new operators; None lets the laws decide.
            epochs: Passes over the data.
            seconds: Time.
            learning_rate: Step size; 0 stands for the preset's.
            data: The data set of the run, if it is in memory already.
            data_dir: Where downloaded data sets lie.
            progress: Called after each step.

        Raises:
            KeyboardInterrupt: It was interrupted in a transaction.
            RunError: The data are not those of the run, or the run in the folder has changed since it was read.
            BusyError: The run is being trained.
            TrainingError: The loss was not finite.
            AugalgebraError: The head exists already, relabelling has too few operators, there is no such decoder, or a
                value is impossible.

        Examples:
            >>> run.transfer(["invert"], mode="relabel", epochs=10).head  # doctest: +SKIP
            'invert'
        """
        added = transfer(
            self,
            augmentations,
            mode=mode,
            onto=onto,
            head=head,
            decoder=decoder,
            fit=fit,
            epochs=epochs,
            seconds=seconds,
            learning_rate=learning_rate,
            data=data,
            data_dir=data_dir,
            progress=progress,
            save=not self.in_transaction,
        )
        if self.in_transaction and added.ended == "interrupted":
            raise KeyboardInterrupt
        return added
