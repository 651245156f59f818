from .added_heads import AddedHead as AddedHead
from .added_heads import add_head as add_head
from .added_heads import transfer as transfer
from .added_operators import Extension as Extension
from .added_operators import extend as extend
from .added_operators import withdraw as withdraw
from .causal.blocks import ConceptBlock as ConceptBlock
from .causal.blocks import ConceptBlocks as ConceptBlocks
from .causal.blocks import swap_blocks as swap_blocks
from .causal.causal_run import CausalRun as CausalRun
from .causal.counterfactuals import Counterfactuals as Counterfactuals
from .causal.making import find_or_train_causal as find_or_train_causal
from .causal.making import train_causal_run as train_causal_run
from .check import images_of_run as images_of_run
from .check import measure_run as measure_run
from .classifier import PixelClassifier as PixelClassifier
from .classifier import train_classifier as train_classifier
from .densities.fitting import fit_density as fit_density
from .grids.added_operators import GridExtension as GridExtension
from .grids.grid_run import GridRun as GridRun
from .grids.making import make_grid_run as make_grid_run
from .grids.opening import change_run as change_run
from .grids.opening import is_causal_run as is_causal_run
from .grids.opening import is_grid_run as is_grid_run
from .grids.opening import open_run as open_run
from .grids.queries import GridComparison as GridComparison
from .grids.queries import MeasuredGridRoutes as MeasuredGridRoutes
from .grids.queries import MeasuredGridWord as MeasuredGridWord
from .grids.registration import GridRegistration as GridRegistration
from .grids.registration import register_grid_operators as register_grid_operators
from .grids.registration import withdraw_from_grid as withdraw_from_grid
from .moves import operator_for as operator_for
from .operator_matching import OperatorAssignment as OperatorAssignment
from .parts.factors import align_run as align_run
from .parts.partition import Part as Part
from .parts.partition import Partition as Partition
from .parts.partition import partition_run as partition_run
from .parts.swapping import SwapReport as SwapReport
from .parts.swapping import SwapScore as SwapScore
from .parts.swapping import draw_swap as draw_swap
from .parts.swapping import measure_swap as measure_swap
from .pictures import output_paths as output_paths
from .pictures import read_for_stride as read_for_stride
from .pictures import read_picture as read_picture
from .pictures import write_grid as write_grid
from .pictures import write_picture as write_picture
from .queries import LatentComparison as LatentComparison
from .queries import MeasuredRoutes as MeasuredRoutes
from .queries import MeasuredWord as MeasuredWord
from .queries import compare_in_run as compare_in_run
from .queries import measure_routes as measure_routes
from .queries import measure_word as measure_word
from .recursion import recursion_of_run as recursion_of_run
from .recursion import repeated_pictures as repeated_pictures
from .registration import LatentRegistration as LatentRegistration
from .registration import register_head as register_head
from .registration import register_operators as register_operators
from .run import Run as Run
from .sampling import FLOW as FLOW
from .sampling import KINDS as KINDS
from .sampling import Kind as Kind
from .sampling import check_kind as check_kind
from .sampling import density_of as density_of
from .sampling import draw_codes as draw_codes
from .sampling import encode_split as encode_split
from .sampling import interpolate as interpolate
from .sampling import sample as sample
from .stages import find_or_train as find_or_train
from .stages import train as train
from .storage.code_density import CodeDensity as CodeDensity
from .storage.files import FIGURES as FIGURES
from .storage.files import GEOMETRY as GEOMETRY
from .storage.files import REPORT as REPORT
from .storage.records import Mode as Mode
from .storage.run_folder import check_folder as check_folder
from .transaction import Transaction as Transaction
from .transform import LatentTransform as LatentTransform
from .transform import as_albumentations as as_albumentations

__all__ = [
    "FIGURES",
    "FLOW",
    "GEOMETRY",
    "KINDS",
    "REPORT",
    "AddedHead",
    "CausalRun",
    "CodeDensity",
    "ConceptBlock",
    "ConceptBlocks",
    "Counterfactuals",
    "Extension",
    "GridComparison",
    "GridExtension",
    "GridRegistration",
    "GridRun",
    "Kind",
    "LatentComparison",
    "LatentRegistration",
    "LatentTransform",
    "MeasuredGridRoutes",
    "MeasuredGridWord",
    "MeasuredRoutes",
    "MeasuredWord",
    "Mode",
    "OperatorAssignment",
    "Part",
    "Partition",
    "PixelClassifier",
    "Run",
    "SwapReport",
    "SwapScore",
    "Transaction",
    "add_head",
    "align_run",
    "as_albumentations",
    "change_run",
    "check_kind",
    "compare_in_run",
    "density_of",
    "draw_codes",
    "draw_swap",
    "encode_split",
    "extend",
    "find_or_train",
    "find_or_train_causal",
    "fit_density",
    "images_of_run",
    "interpolate",
    "is_causal_run",
    "is_grid_run",
    "make_grid_run",
    "measure_routes",
    "measure_run",
    "measure_swap",
    "measure_word",
    "open_run",
    "operator_for",
    "output_paths",
    "partition_run",
    "read_for_stride",
    "read_picture",
    "recursion_of_run",
    "register_grid_operators",
    "register_head",
    "register_operators",
    "repeated_pictures",
    "sample",
    "swap_blocks",
    "train",
    "train_causal_run",
    "train_classifier",
    "transfer",
    "withdraw",
    "withdraw_from_grid",
    "write_grid",
    "write_picture",
]
