"""Documents to be read in a browser: what is in one, and how it becomes a single file that needs no network."""

from augalgebra.report.document import Block, Cayley, Document, HeatMap, Picture, Section, Table, Text, Verdict

__all__ = ["Block", "Cayley", "Document", "HeatMap", "Picture", "Section", "Table", "Text", "Verdict"]
