from .causal.causal_check import read_causal_check as read_causal_check
from .causal.causal_check import write_causal_check as write_causal_check
from .causal.causal_report import document_of_causal_run as document_of_causal_run
from .causal.graph_figure import draw_causal_graph as draw_causal_graph
from .causal.sheets import draw_counterfactuals as draw_counterfactuals
from .causal.sheets import draw_ranges as draw_ranges
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
    "document_of_causal_run",
    "document_of_grid_run",
    "document_of_run",
    "draw_causal_graph",
    "draw_counterfactuals",
    "draw_gallery",
    "draw_gap_chart",
    "draw_ranges",
    "draw_recursion",
    "gallery_panel",
    "read_causal_check",
    "write_causal_check",
    "write_check",
    "write_grid_check",
]
