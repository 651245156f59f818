from .fusion import FusedPipeline as FusedPipeline
from .fusion import Pipeline as Pipeline
from .maps import PixelMap as PixelMap
from .maps import ValueMap as ValueMap
from .reduction import Reduction as Reduction
from .stages import Stage as Stage

__all__ = ["FusedPipeline", "Pipeline", "PixelMap", "Reduction", "Stage", "ValueMap"]
