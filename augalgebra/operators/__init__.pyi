from .families import find_family as find_family
from .fits.affine import AffineMap as AffineMap
from .fits.choice import FITS as FITS
from .fits.choice import Plan as Plan
from .fits.choice import choose as choose
from .fits.choice import exact_period as exact_period
from .fits.fitting import FitOptions as FitOptions
from .fits.gradient_descent import EPOCHS as EPOCHS
from .fits.moments import ViewMoments as ViewMoments
from .groups.arrays import Array as Array
from .groups.finite_group import FiniteGroup as FiniteGroup
from .groups.representation import Representation as Representation
from .groups.representation import build_representation as build_representation
from .groups.representation import regular_representation as regular_representation
from .lookup import Entry as Entry
from .lookup import FamilyEntry as FamilyEntry
from .operator import Operator as Operator
from .orbit_average import OrbitFloor as OrbitFloor
from .provenance import Provenance as Provenance
from .provenance import origin as origin
from .registry import OperatorRegistry as OperatorRegistry
from .residuals import LatentResidual as LatentResidual
from .residuals import composition_defect as composition_defect
from .residuals import latent_residual as latent_residual
from .residuals import relation_residuals as relation_residuals
from .residuals import word_residual as word_residual
from .store import load_registry as load_registry
from .store import save_registry as save_registry

__all__ = [
    "EPOCHS",
    "FITS",
    "AffineMap",
    "Array",
    "Entry",
    "FamilyEntry",
    "FiniteGroup",
    "FitOptions",
    "LatentResidual",
    "Operator",
    "OperatorRegistry",
    "OrbitFloor",
    "Plan",
    "Provenance",
    "Representation",
    "ViewMoments",
    "build_representation",
    "choose",
    "composition_defect",
    "exact_period",
    "find_family",
    "latent_residual",
    "load_registry",
    "origin",
    "regular_representation",
    "relation_residuals",
    "save_registry",
    "word_residual",
]
