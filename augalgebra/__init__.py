"""Augmentations as elements of an algebra.

The names here are all a plugin needs, and importing them loads no tensor library. Latent spaces live in
`augalgebra.latent`, operators in `augalgebra.operators`, checks on images in `augalgebra.checks`.
"""

from augalgebra._version import __version__
from augalgebra.algebra.laws import Law, parse_law
from augalgebra.algebra.parsing import parse_word
from augalgebra.algebra.words import Symbol, Word, word_of
from augalgebra.augmentation import (
    Augmentation,
    Distribution,
    Param,
    choice,
    integers,
    log_uniform,
    uniform,
)
from augalgebra.catalog import Catalog, PluginInfo, Settings, load_catalog
from augalgebra.catalog.lint.lint import Finding, lint
from augalgebra.errors import AugalgebraError
from augalgebra.hooks import CONTRACT_VERSION, PipelineStep, Register, hookimpl

__all__ = [
    "CONTRACT_VERSION",
    "AugalgebraError",
    "Augmentation",
    "Catalog",
    "Distribution",
    "Finding",
    "Law",
    "Param",
    "PipelineStep",
    "PluginInfo",
    "Register",
    "Settings",
    "Symbol",
    "Word",
    "__version__",
    "choice",
    "hookimpl",
    "integers",
    "lint",
    "load_catalog",
    "log_uniform",
    "parse_law",
    "parse_word",
    "uniform",
    "word_of",
]
