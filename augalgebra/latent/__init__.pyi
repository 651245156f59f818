from .lavae import LAVAE as LAVAE
from .lavae import Architecture as Architecture
from .likelihoods import GREYEST as GREYEST
from .likelihoods import LIKELIHOODS as LIKELIHOODS
from .likelihoods import Likelihood as Likelihood
from .likelihoods import LikelihoodName as LikelihoodName
from .likelihoods import decibels as decibels
from .likelihoods import greyness as greyness
from .likelihoods import likelihood_named as likelihood_named
from .likelihoods import likelihood_of as likelihood_of
from .likelihoods import suiting as suiting
from .networks import Decoder as Decoder
from .networks import Encoder as Encoder
from .networks import fingerprint_of as fingerprint_of
from .networks import made as made
from .protocol import MAIN_HEAD as MAIN_HEAD
from .protocol import LatentSpace as LatentSpace
from .protocol import device_of_space as device_of_space

__all__ = [
    "GREYEST",
    "LAVAE",
    "LIKELIHOODS",
    "MAIN_HEAD",
    "Architecture",
    "Decoder",
    "Encoder",
    "LatentSpace",
    "Likelihood",
    "LikelihoodName",
    "decibels",
    "device_of_space",
    "fingerprint_of",
    "greyness",
    "likelihood_named",
    "likelihood_of",
    "made",
    "suiting",
]
