"""Latent spaces: the protocol that everything else relies on, and LAVAE."""

from augalgebra.latent.lavae import LAVAE, Architecture
from augalgebra.latent.protocol import MAIN_HEAD, LatentSpace

__all__ = ["LAVAE", "MAIN_HEAD", "Architecture", "LatentSpace"]
