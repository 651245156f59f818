"""A trained causal model and what can be done with it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from augalgebra.causal.edits import Edit, Value
from augalgebra.causal.graphs import CausalGraph, Edge, area_under_curve, hamming_distance
from augalgebra.causal.measures import CausalReport, measure_causal, usual_edits
from augalgebra.causal.model import EditedModel
from augalgebra.causal.truth import truth_of
from augalgebra.data.dataset import Dataset
from augalgebra.data.loading import load_data
from augalgebra.errors import AugalgebraError, ImageError
from augalgebra.plain import finite
from augalgebra.runs.causal.blocks import ConceptBlocks, measure_blocks
from augalgebra.runs.causal.counterfactuals import Counterfactuals, show_counterfactuals
from augalgebra.runs.causal.edit_files import edit_file, edit_names, read_edits, write_edits
from augalgebra.runs.causal.stored import StoredCausalRun
from augalgebra.storage.locks import lock

IMAGES = 512
"""Test images that are measured on, unless another number is asked for."""
NOISELESS = 0.1
"""Deviations of a concept below which its noise counts for none: a hundredth of its variance."""


class CausalRun(StoredCausalRun):
    """One trained causal model with how it came about.

    `augalgebra.runs.train_causal_run` makes one. Edits change no weights: they are kept under names, in small files of
    their own, and every question may be asked in the world that an edit makes.

    Attributes:
        folder: Where it is kept.
        settings: What was asked for.
        model: The model.
        data: Name, fingerprint and sizes of the data set.
        steps: Steps of training.
        ended: Why training ended.
        metrics: One entry for each epoch.
        strengths: How strong each edge is, ``[cause][effect]``: deviations by which the effect moves; of a graph that
            was learned, before weak ones were left out.
        revision: Which state of the folder this is; empty if it was not read from there.
        in_transaction: Whether a transaction is open, which alone writes the run then.

    Examples:
        >>> run = CausalRun.load("runs/pendulum")  # doctest: +SKIP
        >>> moved = run.counterfactual(images, light=20.0)  # doctest: +SKIP
    """

    @property
    def weights(self) -> dict[Edge, float]:
        """How strong each edge of the graph is: deviations by which the effect moves, with signs if they are linear."""
        place = self.model.graph.index
        return {edge: self.strengths[place(edge[0])][place(edge[1])] for edge in self.model.graph.sorted_edges}

    @property
    def is_learned(self) -> bool:
        """Whether the graph was learned."""
        return self.settings.prior is None or not self.settings.prior.is_given

    @property
    def undirected(self) -> tuple[str, ...]:
        """Concepts that follow from others without noise, where nothing was known of the graph before.

        Labels then tell that concepts belong together, and not which of them is the effect.
        """
        if self.settings.prior is None or self.settings.prior.kind != "free":
            return ()
        noise = zip(self.model.concepts, self.model.mechanisms.log_scale.exp().tolist(), strict=True)
        return tuple(concept for concept, size in noise if size < NOISELESS and self.model.graph.parents(concept))

    @property
    def true_graph(self) -> CausalGraph | None:
        """The true graph, where it is known."""
        truth = truth_of(self.model, self.data_truth)
        return None if truth is None else truth.graph

    @property
    def hamming_distance(self) -> int | None:
        """Edges in which the graph differs from the true one; None where that is not known."""
        return None if self.true_graph is None else hamming_distance(self.model.graph, self.true_graph)

    @property
    def area_under_curve(self) -> float | None:
        """How well the true edges are told by their strength; None where they are not known, or all or none are."""
        if self.true_graph is None:
            return None
        return finite(area_under_curve(np.array(self.strengths), self.true_graph))

    @property
    def edits(self) -> tuple[str, ...]:
        """The names under which edits are kept."""
        return edit_names(self.folder)

    def edit_file(self, name: str) -> Path:
        """Where edits are kept under a name.

        Raises:
            AugalgebraError: The name is none.
        """
        return edit_file(self.folder, name)

    def edited(self, edit: str = "") -> EditedModel:
        """The model in the world that a kept edit makes.

        Args:
            edit: Its name; empty is the world as it was trained.

        Raises:
            UnknownNameError: Nothing is kept under the name.
            RunError: What is kept was made for another model, or is damaged.
        """
        return EditedModel(self.model, read_edits(self.folder, edit, self.fingerprint) if edit else ())

    def keep_edits(self, name: str, edits: EditedModel | Sequence[Edit]) -> Path:
        """Keep edits under a name, in place of what was kept under it.

        Args:
            name: The name.
            edits: What is changed, in this order.

        Returns:
            The file.

        Raises:
            AugalgebraError: An edit cannot be made, or holds a function; or the name is none.
            BusyError: The run is being trained.
        """
        made = edits if isinstance(edits, EditedModel) else EditedModel(self.model, tuple(edits))
        with lock(self.folder, "changed"):
            self.check_current()
            return write_edits(self.folder, name, made.edits, self.fingerprint)

    def counterfactual(
        self,
        images: Float[Tensor, "batch channel height width"],
        do: Mapping[str, Value] | None = None,
        /,
        *,
        edit: str = "",
        **values: Value,
    ) -> Float[Tensor, "batch channel height width"]:
        """What pictures would look like if concepts had other values: abduct, act, predict.

        Args:
            images: Pixels in [0, 1], of the size that the run was trained on.
            do: Concepts and their values.
            edit: Name of a kept edit in whose world that happens.
            values: The same as `do`.

        Returns:
            The pictures, on the device that the images came from.

        Raises:
            UnknownNameError: There is no such concept, or no such edit.
            ParameterError: A value is no number, or far beyond what was trained on.
            ImageError: The images are of another size, or pixels are not in [0, 1].

        Examples:
            >>> run.counterfactual(images, light=20.0, angle=-10.0)  # doctest: +SKIP
        """
        drawn = self.edited(edit).counterfactual(self.take(images), {**(do or {}), **values})
        return drawn.to(images.device, images.dtype)

    def sample(
        self, count: int, do: Mapping[str, Value] | None = None, /, *, seed: int = 0, edit: str = "", **values: Value
    ) -> Float[Tensor, "picture channel height width"]:
        """New pictures, as interventions and edits make them.

        Args:
            count: How many.
            do: Concepts and their values.
            seed: What noise is drawn from.
            edit: Name of a kept edit in whose world that happens.
            values: The same as `do`.

        Raises:
            UnknownNameError: There is no such concept, or no such edit.
            ParameterError: A value is no number, or far beyond what was trained on.
        """
        return self.edited(edit).sample(count, seed, {**(do or {}), **values}).cpu()

    def show_counterfactuals(
        self,
        images: Float[Tensor, "batch channel height width"],
        do: Mapping[str, float],
        *,
        edit: str = "",
        factors: Mapping[str, Float[Tensor, " batch"]] | None = None,
    ) -> Counterfactuals:
        """Counterfactuals beside pictures, reconstructions and, where it is known, the truth.

        Args:
            images: Pixels in [0, 1], of the size that the run was trained on.
            do: Concepts and their values.
            edit: Name of a kept edit in whose world that happens.
            factors: What the images were drawn from; None reads it off.

        Raises:
            ImageError: The images are of another size, or pixels are not in [0, 1].
            DataError: Factors are given, and one is missing, or not one for each image.
            UnknownNameError: There is no such concept, or no such edit.
            ParameterError: A value is no number, or far beyond what was trained on.
        """
        return show_counterfactuals(
            self.edited(edit), self.take(images), do, truth_of(self.model, self.data_truth), factors
        )

    def check(
        self,
        *,
        images: int | None = IMAGES,
        data: Dataset | None = None,
        data_dir: str | Path | None = None,
    ) -> CausalReport:
        """Measure counterfactuals against the truth, and the axioms that they should fulfil, on test images.

        Beside each edge that is cut, all kept edits are measured of whose worlds true pictures can be drawn; the others
        are left out, and the report says why.

        Args:
            images: How many test images to use, if not all.
            data: The data set of the run, if it is in memory already.
            data_dir: Where downloaded data sets lie.

        Raises:
            RunError: The data are not those of the run.
            DataError: There are too few images.

        Examples:
            >>> run.check().is_good  # doctest: +SKIP
            True
        """
        data = data or self.load_data(data_dir)
        self.check_data(data)
        edits: dict[str, Sequence[Edit]] = dict(usual_edits(self.model))
        unreadable = {}
        for name in self.edits:
            try:
                edits[name] = self.edited(name).edits
            except AugalgebraError as error:  # one that was kept of the model before, or sets what it does not take
                unreadable[name] = str(error)
        report = measure_causal(
            self.model,
            data.test,
            truth_of(self.model, self.data_truth),
            images=images,
            edits=edits,
            strengths=torch.tensor(self.strengths),
            seed=self.settings.seed,
        )
        return replace(report, left_out=unreadable | dict(report.left_out))

    def described(self) -> dict[str, Any]:
        """What there is to say of it without its images, as plain data."""
        truth, edges = self.true_graph, self.model.graph.matrix
        return {
            "data": self.data["name"],
            "steps": self.steps,
            "ended": self.ended,
            **self.model.described(),
            "weights": (np.array(self.strengths) * edges).tolist(),
            "strengths": [list(row) for row in self.strengths],
            "learned": self.is_learned,
            "truth": None if truth is None else truth.to_dict(),
            "hamming_distance": self.hamming_distance,
            "area_under_curve": self.area_under_curve,
            "undirected": list(self.undirected),
            "edits": list(self.edits),
        }

    def partition(
        self, *, images: int | None = IMAGES, data: Dataset | None = None, data_dir: str | Path | None = None
    ) -> ConceptBlocks:
        """Cut the latent space into the block of each concept, and what no concept names.

        Args:
            images: How many test images to measure shares of the variance on, if not all.
            data: The data set of the run, if it is in memory already.
            data_dir: Where downloaded data sets lie.

        Raises:
            RunError: The data are not those of the run.
        """
        data = data or self.load_data(data_dir)
        self.check_data(data)
        pictures, _ = data.test.sample(images).batch(slice(None))
        return measure_blocks(str(self.folder), self.model, pictures)

    def load_data(self, data_dir: str | Path | None = None) -> Dataset:
        """The data set of the run.

        Args:
            data_dir: Where data sets lie.

        Raises:
            RunError: It is another now.
            AugalgebraError: It cannot be had.
        """
        data = load_data(str(self.data["name"]), data_dir)
        self.check_data(data)
        return data

    def take(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch channel height width"]:
        """Images as the model takes them.

        Raises:
            ImageError: They are of another size, or pixels are not in [0, 1].
        """
        shape = self.model.architecture.image_shape
        if images.ndim != 4 or tuple(images.shape[1:]) != shape:
            raise ImageError(f"this model was made for images of {shape}, not {tuple(images.shape[1:])}")
        low, high = images.aminmax() if len(images) else (torch.zeros(()), torch.ones(()))
        if not (low >= 0 and high <= 1):
            raise ImageError(f"pixels must lie in [0, 1]; here they reach from {float(low):g} to {float(high):g}")
        return images.to(self.model.mean)
