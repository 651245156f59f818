from .dataset import NAMES as NAMES
from .dataset import Dataset as Dataset
from .dataset import Split as Split
from .dataset import glyph_data as glyph_data
from .dataset import load_data as load_data
from .dataset import pendulum_data as pendulum_data
from .glyphs import FLIPS as FLIPS
from .glyphs import RANGES as RANGES
from .glyphs import Glyphs as Glyphs
from .glyphs import draw_glyphs as draw_glyphs
from .pendulum import LIMITS as LIMITS
from .pendulum import PendulumFactors as PendulumFactors
from .pendulum import cast_shadow as cast_shadow
from .pendulum import draw_pendulum as draw_pendulum
from .pendulum import read_pendulum as read_pendulum
from .photographs import Photographs as Photographs
from .strokes import measure_strokes as measure_strokes
from .strokes import set_strokes as set_strokes

__all__ = [
    "FLIPS",
    "LIMITS",
    "NAMES",
    "RANGES",
    "Dataset",
    "Glyphs",
    "PendulumFactors",
    "Photographs",
    "Split",
    "cast_shadow",
    "draw_glyphs",
    "draw_pendulum",
    "glyph_data",
    "load_data",
    "measure_strokes",
    "pendulum_data",
    "read_pendulum",
    "set_strokes",
]
