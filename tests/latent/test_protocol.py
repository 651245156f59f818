"""Where a latent space computes, whatever it is made of."""

import torch

from augalgebra.latent.protocol import device_of_space


def test_the_device_is_that_of_weights_or_of_what_is_kept_beside_them() -> None:
    kept = torch.nn.Module()
    assert device_of_space(kept) == torch.device("cpu")
    kept.register_buffer("basis", torch.zeros(2, device="meta"))
    assert device_of_space(kept) == torch.device("meta")
    assert device_of_space(object()) == torch.device("cpu")
