"""Latent spaces: the protocol that everything else relies on and LAVAE."""

from augalgebra.latent.lavae import LAVAE, Architecture
from augalgebra.latent.likelihoods import LIKELIHOODS, Likelihood, decibels, likelihood_of
from augalgebra.latent.protocol import MAIN_HEAD, LatentSpace

__all__ = [
    "LAVAE",
    "LIKELIHOODS",
    "MAIN_HEAD",
    "Architecture",
    "LatentSpace",
    "Likelihood",
    "decibels",
    "likelihood_of",
]
