from .dataset import NAMES as NAMES
from .dataset import Dataset as Dataset
from .dataset import Split as Split
from .dataset import glyph_data as glyph_data
from .dataset import load_data as load_data
from .glyphs import FLIPS as FLIPS
from .glyphs import RANGES as RANGES
from .glyphs import draw_glyphs as draw_glyphs
from .photographs import Photographs as Photographs

__all__ = [
    "FLIPS",
    "NAMES",
    "RANGES",
    "Dataset",
    "Photographs",
    "Split",
    "draw_glyphs",
    "glyph_data",
    "load_data",
]
