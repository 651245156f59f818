"""Latent spaces: the protocol that everything else relies on, and LAVAE."""

from augalgebra.latent.protocol import LatentSpace

__all__ = ["LatentSpace"]
