from .dataset import Dataset as Dataset
from .dataset import Split as Split
from .drawn.datasets import glyph_data as glyph_data
from .drawn.datasets import morpho_data as morpho_data
from .drawn.datasets import pendulum_data as pendulum_data
from .drawn.glyphs import FLIPS as FLIPS
from .drawn.glyphs import RANGES as RANGES
from .drawn.glyphs import Glyphs as Glyphs
from .drawn.glyphs import draw_glyphs as draw_glyphs
from .drawn.morpho import PICTURES_DRAWN as PICTURES_DRAWN
from .drawn.morpho import STROKE_CAUSES as STROKE_CAUSES
from .drawn.morpho import cause_intensity as cause_intensity
from .drawn.morpho import draw_stroke_factors as draw_stroke_factors
from .drawn.morpho import draw_strokes as draw_strokes
from .drawn.morpho import infer_intensity_noise as infer_intensity_noise
from .drawn.pendulum import LIMITS as LIMITS
from .drawn.pendulum import PendulumFactors as PendulumFactors
from .drawn.pendulum import cast_shadow as cast_shadow
from .drawn.pendulum import draw_pendulum as draw_pendulum
from .drawn.pendulum import read_pendulum as read_pendulum
from .drawn.strokes import measure_strokes as measure_strokes
from .drawn.strokes import set_strokes as set_strokes
from .loading import NAMES as NAMES
from .loading import load_data as load_data
from .photographs import Photographs as Photographs
from .streams import PICTURES_READ as PICTURES_READ

__all__ = [
    "FLIPS",
    "LIMITS",
    "NAMES",
    "PICTURES_DRAWN",
    "PICTURES_READ",
    "RANGES",
    "STROKE_CAUSES",
    "Dataset",
    "Glyphs",
    "PendulumFactors",
    "Photographs",
    "Split",
    "cast_shadow",
    "cause_intensity",
    "draw_glyphs",
    "draw_pendulum",
    "draw_stroke_factors",
    "draw_strokes",
    "glyph_data",
    "infer_intensity_noise",
    "load_data",
    "measure_strokes",
    "morpho_data",
    "pendulum_data",
    "read_pendulum",
    "set_strokes",
]
