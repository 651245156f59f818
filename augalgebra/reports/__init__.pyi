from .cayley import cayley_of as cayley_of
from .composition_table import composition_rows as composition_rows
from .gallery import gallery_panel as gallery_panel
from .gallery_figure import draw_gallery as draw_gallery
from .gallery_figure import draw_gap_chart as draw_gap_chart
from .grids.grid_check import write_grid_check as write_grid_check
from .grids.grid_report import document_of_grid_run as document_of_grid_run
from .recursion_figure import STYLE as STYLE
from .recursion_figure import draw_recursion as draw_recursion
from .run_gallery import write_check as write_check
from .run_report import document_of_run as document_of_run

__all__ = [
    "STYLE",
    "cayley_of",
    "composition_rows",
    "document_of_grid_run",
    "document_of_run",
    "draw_gallery",
    "draw_gap_chart",
    "draw_recursion",
    "gallery_panel",
    "write_check",
    "write_grid_check",
]
