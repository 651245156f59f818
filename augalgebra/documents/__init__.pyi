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
from .page import to_html as to_html
from .page import write_html as write_html
from .plain import block_from_dict as block_from_dict
from .plain import block_to_dict as block_to_dict
from .plain import to_dict as to_dict

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
    "block_to_dict",
    "figures",
    "to_dict",
    "to_html",
    "write_html",
]
