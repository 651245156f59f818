"""Latent spaces: the protocol that everything else relies on, LAVAE, and a CVAE to compare it with."""

from augalgebra.latent.cvae import CVAE
from augalgebra.latent.lavae import LAVAE, Architecture
from augalgebra.latent.likelihoods import LIKELIHOODS, Likelihood, decibels, likelihood_of
from augalgebra.latent.protocol import MAIN_HEAD, LatentSpace

__all__ = [
    "CVAE",
    "LAVAE",
    "LIKELIHOODS",
    "MAIN_HEAD",
    "Architecture",
    "LatentSpace",
    "Likelihood",
    "decibels",
    "likelihood_of",
]
