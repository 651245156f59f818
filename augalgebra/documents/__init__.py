"""Documents to be read in a browser: what is in one, and how it becomes a single file that needs no network."""

from augalgebra.documents.document import Block, Cayley, Document, HeatMap, Picture, Section, Table, Text, Verdict
from augalgebra.documents.page import to_html, write_html
from augalgebra.documents.plain import block_from_json, block_to_json, to_json

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
    "block_from_json",
    "block_to_json",
    "to_html",
    "to_json",
    "write_html",
]
