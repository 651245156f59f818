from .dataset import NAMES as NAMES
from .dataset import Dataset as Dataset
from .dataset import Split as Split
from .dataset import glyph_data as glyph_data
from .dataset import load_data as load_data
from .dataset import morpho_data as morpho_data
from .dataset import pendulum_data as pendulum_data
from .glyphs import FLIPS as FLIPS
from .glyphs import RANGES as RANGES
from .glyphs import Glyphs as Glyphs
from .glyphs import draw_glyphs as draw_glyphs
from .morpho import PICTURES_DRAWN as PICTURES_DRAWN
from .morpho import STROKE_CAUSES as STROKE_CAUSES
from .morpho import cause_intensity as cause_intensity
from .morpho import draw_stroke_factors as draw_stroke_factors
from .morpho import draw_strokes as draw_strokes
from .morpho import infer_intensity_noise as infer_intensity_noise
from .pendulum import LIMITS as LIMITS
from .pendulum import PendulumFactors as PendulumFactors
from .pendulum import cast_shadow as cast_shadow
from .pendulum import draw_pendulum as draw_pendulum
from .pendulum import read_pendulum as read_pendulum
from .photographs import Photographs as Photographs
from .streams import PICTURES_READ as PICTURES_READ
from .strokes import measure_strokes as measure_strokes
from .strokes import set_strokes as set_strokes

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
