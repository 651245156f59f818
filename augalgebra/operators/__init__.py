"""Linear operators on latent spaces: fits, operators of words, and the registry that knows where each comes from."""

from augalgebra.operators.affine import AffineMap
from augalgebra.operators.choose import FITS, Plan, choose
from augalgebra.operators.errors import (
    FitError,
    MissingOperatorError,
    MomentsError,
    OrbitError,
    RankError,
    StaleOperatorError,
    StoreError,
)
from augalgebra.operators.fitting import FitOptions
from augalgebra.operators.floor import OrbitFloor
from augalgebra.operators.groups import FiniteGroup
from augalgebra.operators.moments import ViewMoments
from augalgebra.operators.operator import Operator
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
from augalgebra.operators.structured import Representation, regular_representation, structured

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
