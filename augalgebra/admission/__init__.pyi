from .examination import PROMISES as PROMISES
from .examination import Admission as Admission
from .examination import examine as examine
from .targets import NAMESPACE as NAMESPACE

__all__ = [
    "NAMESPACE",
    "PROMISES",
    "Admission",
    "examine",
]
