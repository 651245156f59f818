"""What every latent space has to keep; `isinstance` of a runtime protocol only looks for the names."""

import torch

from augalgebra.latent import MAIN_HEAD, LatentSpace


def assert_latent_space(space: LatentSpace, images: torch.Tensor) -> None:
    """Codes and drawings have the shapes that were promised, depend on nothing else, and stay within [0, 1]."""
    assert isinstance(space, LatentSpace)
    assert tuple(images.shape[1:]) == tuple(space.image_shape)
    assert space.heads[0] == MAIN_HEAD
    with torch.no_grad():
        codes = space.encode(images)
        assert codes.shape == (len(images), space.dim)
        assert torch.equal(codes, space.encode(images))
        torch.testing.assert_close(codes[:1], space.encode(images[:1]), rtol=1e-4, atol=1e-5)
        for head in space.heads:
            drawn = space.decode(codes, head)
            assert drawn.shape == images.shape
            assert 0 <= drawn.min()
            assert drawn.max() <= 1
        assert torch.equal(space.decode(codes), space.decode(codes, MAIN_HEAD))
    assert space.fingerprint() == space.fingerprint() != ""
