"""Images moved through a trained latent space: encoded, multiplied by the operator of a word, decoded."""

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from augalgebra.algebra.words import IDENTITY, Word
from augalgebra.consistency.batches import check_images
from augalgebra.consistency.cases import Case, Relabelling, refuse_singular
from augalgebra.errors import RunError
from augalgebra.latent.protocol import MAIN_HEAD, device_of_space
from augalgebra.latent.refine import refine
from augalgebra.operators import Operator
from augalgebra.runs.storage.stored_run import StoredRun
from augalgebra.training.precision import bfloat16_pays


class Move:
    """Encodes images, moves them by the operator of a word, and decodes them.

    Args:
        run: The run.
        word: Where to.
        view: The word that the images already are under; the operator is then that of ``view⁻¹ * word``.
        head: The decoder to draw with.
        refined: Whether codes are refined against the image, see `augalgebra.latent.refine.refine`.

    Attributes:
        space: The latent space.
        device: Where it computes.
        route: The word whose operator moves codes.
        operator: The operator.
        head: The decoder.

    Raises:
        RunError: The run has no such head.
        NotInvertibleError: The word undoes what cannot be undone.
        UnknownNameError: The word has an augmentation that is not registered.
        MissingOperatorError: The word has an augmentation that the run has no operator for.
    """

    def __init__(
        self,
        run: StoredRun,
        word: str | Word,
        *,
        view: str | Word = IDENTITY,
        head: str = MAIN_HEAD,
        refined: bool = False,
    ) -> None:
        known = run.registry.catalog
        self.space = run.space
        self.route = Case(known.word(word), known.word(view)).route
        self.head = head
        self.refined = refined
        self.operator = operator_for(run, self.route, head)
        self.space.requires_grad_(requires_grad=False).eval()
        self.device = device_of_space(self.space)
        self._refine = partial(refine, self.space, head=head, bfloat16=bfloat16_pays(self.device))
        self._encode: Callable[[Tensor], Tensor] = self._refine if refined else self.space.encode

    def encode(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch latent"]:
        """The codes of a batch, refined if that was asked for.

        Raises:
            ImageError: The images are of another size, or pixels are not in [0, 1].
        """
        check_images(self.space, images)
        return self._encode(images.to(self.device, torch.float32))

    def decode(self, latents: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch channel height width"]:
        """What the head draws of codes."""
        return self.space.decode(latents, self.head)

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


def operator_for(run: StoredRun, route: Word, head: str = MAIN_HEAD) -> Operator:
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
