from . import figures as figures
from .document import Block as Block
from .document import Cayley as Cayley
from .document import Document as Document
from .document import HeatMap as HeatMap
from .document import Picture as Picture
from .document import Section as Section
from .document import Table as Table
from .document import Text as Text
from .document import Verdict as Verdict
from .document import block_from_dict as block_from_dict
from .page import to_html as to_html
from .page import write_html as write_html

__all__ = [
    "Block",
    "Cayley",
    "Document",
    "HeatMap",
    "Picture",
    "Section",
    "Table",
    "Text",
    "Verdict",
    "block_from_dict",
    "figures",
    "to_html",
    "write_html",
]
