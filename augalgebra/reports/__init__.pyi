from .cayley import cayley_of as cayley_of
from .cayley import to_markdown as to_markdown
from .composition_table import aligned as aligned
from .composition_table import composition_rows as composition_rows
from .gallery import gallery_panel as gallery_panel
from .gallery_figure import DPI as DPI
from .gallery_figure import FAINT as FAINT
from .gallery_figure import INK as INK
from .gallery_figure import draw_gallery as draw_gallery
from .gallery_figure import draw_gap_chart as draw_gap_chart
from .run_gallery import write_check as write_check
from .run_report import document_of_run as document_of_run

__all__ = [
    "DPI",
    "FAINT",
    "INK",
    "aligned",
    "cayley_of",
    "composition_rows",
    "document_of_run",
    "draw_gallery",
    "draw_gap_chart",
    "gallery_panel",
    "to_markdown",
    "write_check",
]
