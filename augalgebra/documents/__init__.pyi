from . import figures as figures
from .document import HOLDS as HOLDS
from .document import Block as Block
from .document import Cayley as Cayley
from .document import ClaimRow as ClaimRow
from .document import Document as Document
from .document import HeatMap as HeatMap
from .document import Picture as Picture
from .document import Section as Section
from .document import Slider as Slider
from .document import Table as Table
from .document import Text as Text
from .document import block_from_dict as block_from_dict
from .markdown import to_markdown as to_markdown
from .page import to_html as to_html
from .page import write_html as write_html

__all__ = [
    "HOLDS",
    "Block",
    "Cayley",
    "ClaimRow",
    "Document",
    "HeatMap",
    "Picture",
    "Section",
    "Slider",
    "Table",
    "Text",
    "block_from_dict",
    "figures",
    "to_html",
    "to_markdown",
    "write_html",
]
