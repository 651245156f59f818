"""How what a decoder draws depends on the code, fast enough to be asked for every image."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from augalgebra.latent.networks import KERNEL, PAD, STRIDE, Decoder, grid_of, overlap_add
from augalgebra.latent.protocol import LatentSpace

CLOSEST = 1e-6
"""How close to 0 and 1 a drawn pixel may count where a latent space draws pixels rather than logits."""


def logits_of(space: LatentSpace, head: str) -> Callable[[Tensor], Tensor]:
    """The function from codes ``[batch, latent]`` to log odds of the pixels ``[batch, pixel]`` of one head."""
    own: Callable[[Tensor, str], Tensor] | None = getattr(space, "logits", None)

    def logits(latents: Tensor) -> Tensor:
        if own is not None:
            return own(latents, head).flatten(1)
        return space.decode(latents, head).flatten(1).clamp(CLOSEST, 1 - CLOSEST).logit()

    return logits


def linearise(
    space: LatentSpace,
    latents: Float[Tensor, "batch latent"],
    head: str,
    *,
    bfloat16: bool = False,
) -> Float[Tensor, "batch latent pixel"]:
    """The derivative of the logits of the pixels by each coordinate of the code.

    Our own decoders are piecewise linear, so all tangents go through the masks of the ReLUs as one large batch. Any
    other decoder is differentiated by autograd, coordinate by coordinate, which is slower.

    Args:
        space: The latent space.
        latents: The codes.
        head: Name of the decoder.
        bfloat16: Whether the tangents of our own decoders are computed in bfloat16.

    Returns:
        A fresh tensor that the caller may change.
    """
    find = getattr(space, "decoder", None)
    decoder = None if find is None else find(head)
    if isinstance(decoder, Decoder):
        return _through_masks(decoder, space.image_shape, latents, torch.bfloat16 if bfloat16 else latents.dtype)
    return _differentiated(logits_of(space, head), latents)


def _differentiated(
    logits: Callable[[Tensor], Tensor], latents: Float[Tensor, "batch latent"]
) -> Float[Tensor, "batch latent pixel"]:
    # Backwards, a weight u on the pixels gives J u, which is linear in u; the derivative of its k-th entry by u is
    # row k of J. That takes as many passes as there are coordinates, where going backwards from each pixel would take
    # as many as there are pixels. Tensors that were made where inference is on know no derivatives, hence the copy.
    with torch.inference_mode(mode=False), torch.enable_grad():
        codes = latents.clone().requires_grad_()
        drawn = logits(codes)
        weights = torch.zeros_like(drawn, requires_grad=True)
        (pulled,) = torch.autograd.grad(drawn, codes, weights, create_graph=True)
        rows = [torch.autograd.grad(entry.sum(), weights, retain_graph=True)[0] for entry in pulled.unbind(1)]
        return torch.stack(rows, dim=1).detach()


def _through_masks(
    decoder: Decoder, image_shape: tuple[int, int, int], latents: Tensor, dtype: torch.dtype
) -> Float[Tensor, "batch latent pixel"]:
    channels, height, breadth = image_shape
    rows, columns = grid_of(height, breadth)
    batch, dim = latents.shape
    spread, inner, outer = decoder.spread, decoder.inner, decoder.outer
    coarse = spread(latents)
    maps = functional.relu(coarse).view(batch, rows, columns, -1).permute(0, 3, 1, 2)
    fine = inner(maps).permute(0, 2, 3, 1)  # pixels before channels, here and below: that is how they lie in memory

    tangents = (coarse > 0).to(dtype)[:, None] * spread.weight.to(dtype).T.contiguous()
    tangents = tangents.view(batch * dim, rows, columns, -1).permute(0, 3, 1, 2)
    tangents = functional.conv_transpose2d(tangents, inner.weight.to(dtype), None, STRIDE, PAD)
    tangents = tangents.permute(0, 2, 3, 1).reshape(batch, dim, 4 * rows * columns, -1)
    tangents *= (fine > 0).to(dtype).flatten(1, 2)[:, None]
    patches = outer.weight.flatten(1).to(dtype).T @ tangents.reshape(-1, outer.in_channels).T
    patches = patches.to(latents.dtype).view(channels, KERNEL, KERNEL, batch * dim, 2 * rows, 2 * columns)
    pixels = overlap_add(patches)[..., :height, :breadth]
    return pixels.transpose(0, 1).reshape(batch, dim, channels * height * breadth)
