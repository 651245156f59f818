from .demo import FULL as FULL
from .demo import QUICK as QUICK
from .demo import DemoResult as DemoResult
from .demo import run_demo as run_demo

__all__ = [
    "FULL",
    "QUICK",
    "DemoResult",
    "run_demo",
]
