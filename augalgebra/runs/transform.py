"""A trained latent space as a transform of images, for somebody's own pipeline."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from augalgebra.algebra.words import IDENTITY, Word
from augalgebra.catalog import Catalog, load_catalog
from augalgebra.errors import RunError
from augalgebra.latent.protocol import MAIN_HEAD
from augalgebra.runs.moves import Move
from augalgebra.runs.run import Run


class LatentTransform(Move):
    """Moves images through the latent space of a run; it can be sent to another process.

    Args:
        run: A run, or its folder.
        word: Where to.
        view: The word that the images already are under; the operator is then that of ``view⁻¹ * word``.
        head: The decoder to draw with.
        refined: Whether codes are refined against the image, see `augalgebra.latent.refine.refine`.
        catalog: Augmentations and their laws, where `run` is a folder; by default all that are installed.

    Attributes:
        run: The run.
        route: The word whose operator moves codes.
        operator: The operator.
        head: The decoder.

    Raises:
        RunError: The run cannot be read, or has no such head.
        NotInvertibleError: The word undoes what cannot be undone.
        UnknownNameError: The word has an augmentation that is not registered.
        MissingOperatorError: The word has an augmentation that the run has no operator for.

    Examples:
        >>> flip = LatentTransform("runs/flips", "flip_lr * flip_ud")  # doctest: +SKIP
        >>> flipped = flip(images)  # doctest: +SKIP
    """

    def __init__(
        self,
        run: Run | str | Path,
        word: str | Word,
        *,
        view: str | Word = IDENTITY,
        head: str = MAIN_HEAD,
        refined: bool = False,
        catalog: Catalog | None = None,
    ) -> None:
        self.run = run if isinstance(run, Run) else Run.load(run, catalog or load_catalog())
        super().__init__(self.run, word, view=view, head=head, refined=refined)

    def __reduce__(self) -> tuple[object, ...]:
        """How another process comes by it, such as a worker of a DataLoader: it reads the run's folder."""
        run = self.run
        asked = (run.folder.absolute(), run.registry.catalog, self.route, self.head, self.refined)
        return _read_again, (*asked, str(self.device), run.space.fingerprint())

    def __repr__(self) -> str:
        return f"LatentTransform({str(self.run.folder)!r}, {self.run.registry.catalog.display(self.route)!r})"


def _read_again(
    folder: Path, catalog: Catalog, route: Word, head: str, refined: bool, device: str, fingerprint: str
) -> LatentTransform:
    run = Run.load(folder, catalog)
    if run.space.fingerprint() != fingerprint:
        raise RunError(f"{folder} has another model than the process that sent this transform; save the run first")
    run.space.to(device)
    return LatentTransform(run, route, head=head, refined=refined)


def as_albumentations(transform: LatentTransform, p: float = 1.0) -> Any:
    """A latent transform as an ``ImageOnlyTransform`` of albumentations.

    It takes one image at a time, ``[height, width]`` or ``[height, width, channel]``, as bytes or floats in [0, 1], and
    gives it back in the same form.

    Args:
        transform: The latent transform.
        p: How often it is applied.

    Examples:
        >>> pipeline = albumentations.Compose([as_albumentations(flip, p=0.5)])  # doctest: +SKIP
    """
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it would ask the network for a newer version of itself
    from albumentations import ImageOnlyTransform

    class LatentMove(ImageOnlyTransform):  # type: ignore[misc]  # albumentations publishes no types
        """Moves images in a latent space."""

        def apply(self, img: np.ndarray[Any, Any], **_: object) -> np.ndarray[Any, Any]:
            return apply_to_array(transform, img)

    return LatentMove(p=p)


def apply_to_array(transform: Callable[[Tensor], Tensor], image: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Transform one image ``[height, width]`` or ``[height, width, channel]``, bytes or floats in [0, 1]."""
    whole = image.dtype == np.uint8
    pixels = torch.from_numpy(np.ascontiguousarray(image)).float() / (255 if whole else 1)
    batch = pixels[None, None] if image.ndim == 2 else pixels.permute(2, 0, 1)[None]
    moved = transform(batch)[0]
    array = (moved[0] if image.ndim == 2 else moved.permute(1, 2, 0)).cpu().numpy()
    return (array * 255).round().astype(np.uint8) if whole else array.astype(image.dtype)
