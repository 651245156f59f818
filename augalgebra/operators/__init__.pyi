from .families import find_family as find_family
from .fits.affine import AffineMap as AffineMap
from .fits.choice import FITS as FITS
from .fits.choice import Plan as Plan
from .fits.choice import choose as choose
from .fits.choice import exact_period as exact_period
from .fits.fitting import FitOptions as FitOptions
from .fits.gradient_descent import EPOCHS as EPOCHS
from .fits.moments import ViewMoments as ViewMoments
from .grids.channels import ChannelFit as ChannelFit
from .grids.channels import ChannelMoments as ChannelMoments
from .grids.families import FamilyMoments as FamilyMoments
from .grids.families import KernelFamily as KernelFamily
from .grids.maps import KernelMap as KernelMap
from .grids.maps import ResidualMap as ResidualMap
from .grids.moves import GridMove as GridMove
from .grids.operator import GridMap as GridMap
from .grids.operator import GridOperator as GridOperator
from .grids.parameters import ParameterFamily as ParameterFamily
from .grids.patches import PatchMoments as PatchMoments
from .grids.registry import GridEntry as GridEntry
from .grids.registry import GridFamilyEntry as GridFamilyEntry
from .grids.registry import GridRegistry as GridRegistry
from .grids.resampling import NearestMove as NearestMove
from .grids.resampling import ResampledMove as ResampledMove
from .grids.resampling import find_nearest_move as find_nearest_move
from .grids.store import load_grid_registry as load_grid_registry
from .grids.store import save_grid_registry as save_grid_registry
from .groups.arrays import Array as Array
from .groups.finite_group import FiniteGroup as FiniteGroup
from .groups.isotypic import UNCHANGED as UNCHANGED
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
    "UNCHANGED",
    "AffineMap",
    "Array",
    "ChannelFit",
    "ChannelMoments",
    "Entry",
    "FamilyEntry",
    "FamilyMoments",
    "FiniteGroup",
    "FitOptions",
    "GridEntry",
    "GridFamilyEntry",
    "GridMap",
    "GridMove",
    "GridOperator",
    "GridRegistry",
    "KernelFamily",
    "KernelMap",
    "LatentResidual",
    "NearestMove",
    "Operator",
    "OperatorRegistry",
    "OrbitFloor",
    "ParameterFamily",
    "PatchMoments",
    "Plan",
    "Provenance",
    "Representation",
    "ResampledMove",
    "ResidualMap",
    "ViewMoments",
    "build_representation",
    "choose",
    "composition_defect",
    "exact_period",
    "find_family",
    "find_nearest_move",
    "latent_residual",
    "load_grid_registry",
    "load_registry",
    "origin",
    "regular_representation",
    "relation_residuals",
    "save_grid_registry",
    "save_registry",
    "word_residual",
]
