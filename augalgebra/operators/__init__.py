"""Linear operators on latent spaces: fits, operators of words, and the registry that knows where each comes from."""

from augalgebra.errors import (
    FitError,
    MissingOperatorError,
    MomentsError,
    OrbitError,
    RankError,
    StaleOperatorError,
    StoreError,
)
from augalgebra.operators.fits.affine import AffineMap
from augalgebra.operators.fits.choice import FITS, Plan, choose
from augalgebra.operators.fits.fitting import FitOptions
from augalgebra.operators.fits.moments import ViewMoments
from augalgebra.operators.groups.finite_group import FiniteGroup
from augalgebra.operators.groups.representation import Representation, regular_representation, structured
from augalgebra.operators.operator import Operator
from augalgebra.operators.orbit_average import OrbitFloor
from augalgebra.operators.provenance import Provenance
from augalgebra.operators.registry import OperatorRegistry
from augalgebra.operators.residuals import (
    LatentResidual,
    composition_defect,
    latent_residual,
    relation_residuals,
    word_residual,
)
from augalgebra.operators.store import load_registry, save_registry

__all__ = [
    "FITS",
    "AffineMap",
    "FiniteGroup",
    "FitError",
    "FitOptions",
    "LatentResidual",
    "MissingOperatorError",
    "MomentsError",
    "Operator",
    "OperatorRegistry",
    "OrbitError",
    "OrbitFloor",
    "Plan",
    "Provenance",
    "RankError",
    "Representation",
    "StaleOperatorError",
    "StoreError",
    "ViewMoments",
    "choose",
    "composition_defect",
    "latent_residual",
    "load_registry",
    "regular_representation",
    "relation_residuals",
    "save_registry",
    "structured",
    "word_residual",
]
