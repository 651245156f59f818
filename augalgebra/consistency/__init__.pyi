from .alignment import Alignment as Alignment
from .alignment import measure_alignment as measure_alignment
from .batches import Batch as Batch
from .batches import Operators as Operators
from .batches import Setting as Setting
from .batches import UnreducedOperators as UnreducedOperators
from .cases import exact_form as exact_form
from .composition import measure_composition as measure_composition
from .excess import MEASURE as MEASURE
from .excess import TELLING as TELLING
from .excess import Gap as Gap
from .excess import show_loss as show_loss
from .grids.measuring import measure_grid as measure_grid
from .grids.measuring import plain_move as plain_move
from .grids.quality import Quality as Quality
from .grids.report import WAYS as WAYS
from .grids.report import CropScore as CropScore
from .grids.report import Drift as Drift
from .grids.report import GridCost as GridCost
from .grids.report import GridReport as GridReport
from .grids.report import GridScore as GridScore
from .grids.report import RelationDefect as RelationDefect
from .recursion import RecursionCurve as RecursionCurve
from .recursion import RecursionReport as RecursionReport
from .recursion import Way as Way
from .recursion import find_undoing_word as find_undoing_word
from .recursion import measure_recursion as measure_recursion
from .recursion import repeat as repeat
from .relations import derived_relations as derived_relations
from .report import CompositionReport as CompositionReport
from .report import WordScore as WordScore

__all__ = [
    "MEASURE",
    "TELLING",
    "WAYS",
    "Alignment",
    "Batch",
    "CompositionReport",
    "CropScore",
    "Drift",
    "Gap",
    "GridCost",
    "GridReport",
    "GridScore",
    "Operators",
    "Quality",
    "RecursionCurve",
    "RecursionReport",
    "RelationDefect",
    "Setting",
    "UnreducedOperators",
    "Way",
    "WordScore",
    "derived_relations",
    "exact_form",
    "find_undoing_word",
    "measure_alignment",
    "measure_composition",
    "measure_grid",
    "measure_recursion",
    "plain_move",
    "repeat",
    "show_loss",
]
