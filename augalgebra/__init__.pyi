from ._version import __version__ as __version__
from .algebra.laws import Law as Law
from .algebra.laws import parse_law as parse_law
from .algebra.parsing import parse_word as parse_word
from .algebra.words import Symbol as Symbol
from .algebra.words import Word as Word
from .algebra.words import word_of as word_of
from .augmentation import Augmentation as Augmentation
from .caches import LatentAugment as LatentAugment
from .catalog import Catalog as Catalog
from .catalog import PluginInfo as PluginInfo
from .catalog import Settings as Settings
from .catalog import load_catalog as load_catalog
from .catalog.lint import Finding as Finding
from .catalog.lint import lint as lint
from .checks import check_laws as check_laws
from .checks import compare_words as compare_words
from .checks import discover as discover
from .checks import invert_pipeline as invert_pipeline
from .data import load_data as load_data
from .errors import AugalgebraError as AugalgebraError
from .hooks import CONTRACT_VERSION as CONTRACT_VERSION
from .hooks import PipelineStep as PipelineStep
from .hooks import Register as Register
from .hooks import hookimpl as hookimpl
from .latent import LAVAE as LAVAE
from .latent import LatentSpace as LatentSpace
from .operators import Operator as Operator
from .operators import OperatorRegistry as OperatorRegistry
from .parameters import Distribution as Distribution
from .parameters import Param as Param
from .parameters import choice as choice
from .parameters import integers as integers
from .parameters import log_uniform as log_uniform
from .parameters import uniform as uniform
from .pipelines import Pipeline as Pipeline
from .plugin_commands import CommandLine as CommandLine
from .plugin_commands import Defer as Defer
from .runs import LatentTransform as LatentTransform
from .runs import Run as Run
from .runs import train as train
from .training import TrainSettings as TrainSettings

__all__ = [
    "CONTRACT_VERSION",
    "LAVAE",
    "AugalgebraError",
    "Augmentation",
    "Catalog",
    "CommandLine",
    "Defer",
    "Distribution",
    "Finding",
    "LatentAugment",
    "LatentSpace",
    "LatentTransform",
    "Law",
    "Operator",
    "OperatorRegistry",
    "Param",
    "Pipeline",
    "PipelineStep",
    "PluginInfo",
    "Register",
    "Run",
    "Settings",
    "Symbol",
    "TrainSettings",
    "Word",
    "__version__",
    "check_laws",
    "choice",
    "compare_words",
    "discover",
    "hookimpl",
    "integers",
    "invert_pipeline",
    "lint",
    "load_catalog",
    "load_data",
    "log_uniform",
    "parse_law",
    "parse_word",
    "train",
    "uniform",
    "word_of",
]
