from .automata import CayleyAutomaton as CayleyAutomaton
from .conditions import KEPT as KEPT
from .conditions import Conditions as Conditions
from .conditions import holding_for as holding_for
from .expressions import to_python as to_python
from .group_names import identify as identify
from .laws import Scope as Scope
from .parsing import split_names as split_names
from .rewriting import queries as queries
from .rewriting.proofs import Proof as Proof
from .words import IDENTITY as IDENTITY
from .words import Symbol as Symbol
from .words import Word as Word
from .words import product as product

__all__ = [
    "IDENTITY",
    "KEPT",
    "CayleyAutomaton",
    "Conditions",
    "Proof",
    "Scope",
    "Symbol",
    "Word",
    "holding_for",
    "identify",
    "product",
    "queries",
    "split_names",
    "to_python",
]
