"""A latent space cut into the isotypic parts of its operators' group."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from augalgebra.algebra.group_names import identify
from augalgebra.data.dataset import Dataset
from augalgebra.errors import AugalgebraError, FitError, nearest
from augalgebra.notebooks import render_table
from augalgebra.operators import AffineMap, Array
from augalgebra.operators.fits.fitting import KnownGroup
from augalgebra.operators.groups.finite_group import FiniteGroup
from augalgebra.operators.groups.isotypic import UNCHANGED, IsotypicPart, isotypic_parts
from augalgebra.plain import PlainData
from augalgebra.runs.sampling import encode_split
from augalgebra.runs.storage.stored_run import StoredRun
from augalgebra.training.encoding import encoded_views
from augalgebra.training.views import Views

IMAGES = 1000
"""Test images whose codes are measured, unless another number is asked for."""
NEIGHBOURS = 5
"""Upright codes that say which way round a code is."""
_EXACT = 1e-5  # largest entry of L_i L_j - L_ij that rounding explains


@dataclass(frozen=True, eq=False)
class Part(PlainData):
    """One part of a latent space.

    Attributes:
        name: What the augmentations do to it.
        dim: Its dimension.
        share: Of the variance of the codes of test images: the covariance of the part with the whole code over the
            variance of the code. The shares of all parts add up to one.
        moved_share: The same of the codes of these images under every element of the group.
        projection: P, ``[latent, latent]``; the part of a code z is (z - centre) @ P.
    """

    name: str
    dim: int
    share: float
    moved_share: float
    projection: Array
    in_json = "name", "dim", "share", "moved_share"


@dataclass(frozen=True, eq=False)
class Partition(PlainData):
    """A latent space in the isotypic parts of the exact representation that its operators are.

    The first part is what no augmentation changes; each other is what they change in one way. Codes and what comes
    back are float32 on the device of the codes.

    Attributes:
        run: Folder of the run.
        group: The group of the operators.
        maps: The operator of each of its elements, readouts aside.
        elements: The elements as text, the identity first.
        centre: A code that no operator moves, ``[latent]``; parts are measured from it.
        parts: The parts; those of dimension 0 are left out.
        images: Number of test images that shares were measured on.
        references: Codes of training images as they are, ``[image, latent]``, which say what is upright.
    """

    run: str
    group: FiniteGroup
    maps: tuple[AffineMap, ...]
    elements: tuple[str, ...]
    centre: Array
    parts: tuple[Part, ...]
    images: int
    references: Tensor
    in_json = "run", "group_name as group", "elements", "images", "parts"

    @property
    def group_name(self) -> str:
        """The name of the group, or how many elements it has."""
        return identify(self.group.table) or f"a group of {len(self.group)} elements"

    def _repr_html_(self) -> str:
        rows = [(part.name, part.dim, part.share, part.moved_share) for part in self.parts]
        return render_table(
            ["part", "coordinates", "share", "share, all views"], rows, f"{self.run}: {self.group_name}"
        )

    def part(self, name: str) -> Part:
        """A part by name.

        Raises:
            AugalgebraError: There is none; the message names the nearest.
        """
        for part in self.parts:
            if part.name == name:
                return part
        names = [part.name for part in self.parts]
        near = nearest(name, names, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise AugalgebraError(f"there is no part {name!r}; there are {', '.join(names)}{hint}")

    def split(self, codes: Float[Tensor, "batch latent"]) -> dict[str, Float[Tensor, "batch latent"]]:
        """The parts of codes, by name; with the centre they add up to the codes."""
        offsets = codes.double() - self._tensor(self.centre, codes)
        return {part.name: (offsets @ self._tensor(part.projection, codes)).float() for part in self.parts}

    def recombine(
        self, content: Float[Tensor, "batch latent"], others: Mapping[str, Float[Tensor, "batch latent"]]
    ) -> Float[Tensor, "batch latent"]:
        """Codes some of whose parts are those of other codes.

        Args:
            content: Codes that give all other parts.
            others: By the name of a part the codes that give it.

        Raises:
            AugalgebraError: There is no such part.

        Examples:
            >>> partition.recombine(first, {"changed by flip_lr": second})  # doctest: +SKIP
        """
        result = content.double()
        for name, codes in others.items():
            result = result + (codes - content).double() @ self._tensor(self.part(name).projection, content)
        return result.float()

    def swap(
        self, content: Float[Tensor, "batch latent"], pose: Float[Tensor, "batch latent"]
    ) -> Float[Tensor, "batch latent"]:
        """The unchanged part of some codes with all other parts of others."""
        return self.recombine(content, {part.name: pose for part in self.parts if part.name != UNCHANGED})

    def move(
        self, codes: Float[Tensor, "batch latent"], elements: Int64[Tensor, " batch"]
    ) -> Float[Tensor, "batch latent"]:
        """Each code moved by the operator of an element, by its number."""
        matrices = self._tensor(np.stack([item.matrix for item in self.maps]), codes)[elements.to(codes.device)]
        shifts = self._tensor(np.stack([item.shift for item in self.maps]), codes)[elements.to(codes.device)]
        return (torch.einsum("bi,bij->bj", codes.double(), matrices) + shifts).float()

    def pose(self, codes: Float[Tensor, "batch latent"]) -> Int64[Tensor, " batch"]:
        """Which element of the group each code is under: the one without which it lies nearest to upright codes.

        Nearest by the mean distance to the five nearest codes of training images. What looks the same under several
        elements is given any of them.
        """
        references = self.references.to(codes)
        distances = [
            torch.cdist(self.move(codes, torch.full((len(codes),), inverse)), references)
            .topk(min(NEIGHBOURS, len(references)), dim=1, largest=False)
            .values.mean(1)
            for inverse in self.group.inverses.tolist()
        ]
        return torch.stack(distances).argmin(0)

    def canonicalise(self, codes: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch latent"]:
        """Each code as it would be if its image were upright."""
        return self.move(codes, self._inverse(self.pose(codes)))

    def transfer_pose(
        self, content: Float[Tensor, "batch latent"], pose: Float[Tensor, "batch latent"]
    ) -> Float[Tensor, "batch latent"]:
        """Codes moved from the pose that they are under to that of others."""
        return self.move(self.canonicalise(content), self.pose(pose))

    def _inverse(self, elements: Tensor) -> Tensor:
        return torch.from_numpy(self.group.inverses).to(elements)[elements]

    @staticmethod
    def _tensor(array: Array, like: Tensor) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(like.device)


def partition_run(
    run: StoredRun,
    *,
    images: int | None = IMAGES,
    data: Dataset | None = None,
    data_dir: str | Path | None = None,
) -> Partition:
    """Cut the latent space of a run into the isotypic parts of its operators.

    Args:
        run: The run.
        images: How many test images to measure shares on, if not all.
        data: The data set of the run, if it is in memory already.
        data_dir: Where downloaded data sets lie.

    Raises:
        FitError: The operators make no finite group, or are linear only in the coordinates of a flow.
        RunError: The data are not those of the run.
    """
    known, catalog = _group_of(run), run.registry.catalog
    group = known.group
    data = data or run.settings.load_data(data_dir)
    run.check_data(data)
    found = isotypic_parts(group, known.matrices, catalog.display)
    split = data.test.sample(images)
    views = Views.of_words(catalog, group.elements, seed=run.settings.seed)
    codes = torch.cat(list(encoded_views(run.space, views, split)), dim=1).double().numpy()  # [view, image, latent]
    upright, moved = (np.atleast_2d(np.cov(item.reshape(-1, run.space.dim).T)) for item in (codes[0], codes))
    return Partition(
        str(run.folder),
        group,
        known.maps,
        tuple(map(catalog.display, group.elements)),
        known.centre(codes.mean((0, 1))),
        tuple(
            Part(part.name, part.dim, _share(upright, part), _share(moved, part), part.projection)
            for part in found
            if part.dim
        ),
        len(split),
        encode_split(run, data.train),
    )


def _group_of(run: StoredRun) -> KnownGroup:
    known, catalog = run.registry.known_group(), run.registry.catalog
    names = ", ".join(map(catalog.display, run.registry.entries)) or "none"
    curved = ", ".join(catalog.display(word) for word, entry in run.registry.entries.items() if entry.chart is not None)
    if known is None and curved:
        raise FitError(
            f"{run.folder} has no parts: its operators ({curved}) are linear only in the coordinates of a flow, which "
            "are not those of the latent space; fit them with --fit representation"
        )
    if known is None:
        raise FitError(
            f"{run.folder} has no parts: its operators ({names}) make no finite group; parts need augmentations that "
            "make one, and a fit that keeps its relations, such as --augs flip_lr,flip_ud --fit representation"
        )
    products = np.einsum("iab,jbc->ijac", known.matrices, known.matrices)
    defect = float(np.abs(products - known.matrices[known.group.table]).max())
    if not defect <= _EXACT:
        raise FitError(
            f"{run.folder} has no parts: its operators ({names}) keep the relations of their group only up to "
            f"{defect:.1e}; fit them with --fit representation"
        )
    return known


def _share(covariance: Array, part: IsotypicPart) -> float:
    whole = float(np.trace(covariance))
    return float(np.trace(covariance @ part.projection)) / whole if whole else 0.0
