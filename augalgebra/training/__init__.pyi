from .devices import is_first_process as is_first_process
from .encoding import BATCH as BATCH
from .encoding import encoded_views as encoded_views
from .encoding import view_moments as view_moments
from .grids.finetuning import FinetuneResult as FinetuneResult
from .grids.finetuning import FinetuneSettings as FinetuneSettings
from .grids.finetuning import Readiness as Readiness
from .grids.finetuning import finetune_space as finetune_space
from .grids.fitting import GridPlan as GridPlan
from .grids.fitting import fit_grid_operators as fit_grid_operators
from .grids.fitting import plan_grid_operators as plan_grid_operators
from .grids.settings import GRID_FITS as GRID_FITS
from .grids.settings import GridSettings as GridSettings
from .loop import Limit as Limit
from .loop import Loop as Loop
from .loop import Measurement as Measurement
from .loop import Objective as Objective
from .loop import Step as Step
from .losses import divergence as divergence
from .losses import sample as sample
from .losses import warmed_up as warmed_up
from .precision import bfloat16_pays as bfloat16_pays
from .precision import device_of as device_of
from .progress import Progress as Progress
from .progress import Report as Report
from .progress import silent as silent
from .recipe import Recipe as Recipe
from .settings import Preset as Preset
from .settings import TrainSettings as TrainSettings
from .settings import default_epochs as default_epochs
from .stage1 import EquivariantObjective as EquivariantObjective
from .stage1 import FaithfulObjective as FaithfulObjective
from .stage1 import Movers as Movers
from .stage1 import stage1_loop as stage1_loop
from .stage2 import JOINT as JOINT
from .stage2 import PUBLISHED as PUBLISHED
from .stage2 import fit_operators as fit_operators
from .views import Views as Views

__all__ = [
    "BATCH",
    "GRID_FITS",
    "JOINT",
    "PUBLISHED",
    "EquivariantObjective",
    "FaithfulObjective",
    "FinetuneResult",
    "FinetuneSettings",
    "GridPlan",
    "GridSettings",
    "Limit",
    "Loop",
    "Measurement",
    "Movers",
    "Objective",
    "Preset",
    "Progress",
    "Readiness",
    "Recipe",
    "Report",
    "Step",
    "TrainSettings",
    "Views",
    "bfloat16_pays",
    "default_epochs",
    "device_of",
    "divergence",
    "encoded_views",
    "finetune_space",
    "fit_grid_operators",
    "fit_operators",
    "is_first_process",
    "plan_grid_operators",
    "sample",
    "silent",
    "stage1_loop",
    "view_moments",
    "warmed_up",
]
