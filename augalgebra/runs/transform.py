"""A trained latent space as a transform of images, for somebody's own pipeline."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from augalgebra.algebra.words import IDENTITY, Word
from augalgebra.catalog import Catalog, load_catalog
from augalgebra.consistency.batches import check_images
from augalgebra.consistency.cases import Case, Relabelling, refuse_singular
from augalgebra.errors import ImageError, RunError
from augalgebra.latent.protocol import MAIN_HEAD
from augalgebra.latent.refine import refine
from augalgebra.operators import Operator
from augalgebra.runs.run import Run
from augalgebra.training.precision import bfloat16_pays


class LatentTransform:
    """Encodes images, moves them by the operator of a word, and decodes them.

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
        known = self.run.registry.catalog
        self.route = Case(known.word(word), known.word(view)).route
        self.head = head
        self.refined = refined
        self.operator = operator_for(self.run, self.route, head)
        self.run.space.requires_grad_(requires_grad=False).eval()
        self._device = device_of_space(self.run.space)
        self._refine = partial(refine, self.run.space, head=head, bfloat16=bfloat16_pays(self._device))
        self._encode: Callable[[Tensor], Tensor] = self._refine if refined else self.run.space.encode

    def __reduce__(self) -> tuple[object, ...]:
        """How another process comes by it, such as a worker of a DataLoader: it reads the run's folder."""
        run = self.run
        asked = (run.folder.absolute(), run.registry.catalog, self.route, self.head, self.refined)
        return _read_again, (*asked, str(self._device), run.space.fingerprint())

    def encode(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch latent"]:
        """The codes of a batch, refined if that was asked for.

        Raises:
            ImageError: The images are of another size, or pixels are not in [0, 1].
        """
        check_images(self.run.space, images)
        low, high = images.aminmax()
        if low < 0 or high > 1:
            raise ImageError(f"pixels must lie in [0, 1]; here they reach from {low:g} to {high:g}")
        return self._encode(images.to(self._device, torch.float32))

    def decode(self, latents: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch channel height width"]:
        """What the head draws of codes."""
        return self.run.space.decode(latents, self.head)

    @torch.no_grad()
    def __call__(
        self, images: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch channel height width"]:
        """The moved images, in [0, 1], on the device that they came from.

        Raises:
            ImageError: The images are of another size, or pixels are not in [0, 1].
        """
        if not len(images):
            return images
        return self.decode(self.operator.apply(self.encode(images))).to(images.device, images.dtype)

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


def operator_for(run: Run, route: Word, head: str = MAIN_HEAD) -> Operator:
    """The operator that leads to what a head draws for a word.

    Args:
        run: The run.
        route: The word.
        head: The head; one that relabels reuses the operators of other words.

    Raises:
        RunError: There is no such head.
        NotInvertibleError: The word undoes what cannot be undone.
    """
    catalog = run.registry.catalog
    if head not in run.space.heads:
        raise RunError(
            f"{run.folder} has no head {head!r}; it has {', '.join(run.space.heads)}; 'augalg transfer' adds one"
        )
    refuse_singular(catalog, route)
    added = run.transfers.get(head)
    meaning = Relabelling(catalog, None if added is None else added.meanings)
    return run.registry.operator(meaning(route))


def device_of_space(space: torch.nn.Module) -> torch.device:
    """The device that a latent space computes on."""
    return next(space.parameters()).device
