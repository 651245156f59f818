"""Discovery of plugins, their failures and name clashes, and the catalog of what they registered (no tensors)."""

from augalgebra.catalog.catalog import Catalog
from augalgebra.catalog.digest import laws_digest
from augalgebra.catalog.loading import load_catalog
from augalgebra.catalog.pipelines import examples_of, read_pipeline
from augalgebra.catalog.plugin import PluginInfo, PluginSource
from augalgebra.catalog.registration import Registration
from augalgebra.catalog.settings import Settings
from augalgebra.catalog.targets import LoadedTarget, load_target
from augalgebra.catalog.trust import Judgement, LeftOut

__all__ = [
    "Catalog",
    "Judgement",
    "LeftOut",
    "LoadedTarget",
    "PluginInfo",
    "PluginSource",
    "Registration",
    "Settings",
    "examples_of",
    "laws_digest",
    "load_catalog",
    "load_target",
    "read_pipeline",
]
