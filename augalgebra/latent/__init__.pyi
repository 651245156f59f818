from .adapters.diffusers import open_diffusers as open_diffusers
from .adapters.opening import open_space as open_space
from .adapters.pythae import PythaeSpace as PythaeSpace
from .adapters.pythae import open_pythae as open_pythae
from .adapters.taesd import open_taesd as open_taesd
from .adapters.taesd import save_taesd as save_taesd
from .code_flow import CodeFlow as CodeFlow
from .code_flow import CodeFlowShape as CodeFlowShape
from .code_flow import learn_density as learn_density
from .grids import GridSpace as GridSpace
from .grids import ModuleSpace as ModuleSpace
from .lavae import LAVAE as LAVAE
from .lavae import Architecture as Architecture
from .likelihoods import GREYEST as GREYEST
from .likelihoods import LIKELIHOODS as LIKELIHOODS
from .likelihoods import Likelihood as Likelihood
from .likelihoods import LikelihoodName as LikelihoodName
from .likelihoods import choose_likelihood as choose_likelihood
from .likelihoods import decibels as decibels
from .likelihoods import find_likelihood as find_likelihood
from .likelihoods import greyness as greyness
from .likelihoods import likelihood_of as likelihood_of
from .networks import Decoder as Decoder
from .networks import DeepDecoder as DeepDecoder
from .networks import Encoder as Encoder
from .networks import fingerprint_of as fingerprint_of
from .networks import make_module as make_module
from .protocol import MAIN_HEAD as MAIN_HEAD
from .protocol import LatentSpace as LatentSpace
from .protocol import device_of_space as device_of_space

__all__ = [
    "GREYEST",
    "LAVAE",
    "LIKELIHOODS",
    "MAIN_HEAD",
    "Architecture",
    "CodeFlow",
    "CodeFlowShape",
    "Decoder",
    "DeepDecoder",
    "Encoder",
    "GridSpace",
    "LatentSpace",
    "Likelihood",
    "LikelihoodName",
    "ModuleSpace",
    "PythaeSpace",
    "choose_likelihood",
    "decibels",
    "device_of_space",
    "find_likelihood",
    "fingerprint_of",
    "greyness",
    "learn_density",
    "likelihood_of",
    "make_module",
    "open_diffusers",
    "open_pythae",
    "open_space",
    "open_taesd",
    "save_taesd",
]
