"""Discovery of plugins, their failures and name clashes, and the catalog of what they registered (no tensors)."""

from augalgebra.catalog.catalog import Catalog
from augalgebra.catalog.loading import load_catalog
from augalgebra.catalog.pipelines import examples_of, read_pipeline
from augalgebra.catalog.plugin import PluginInfo
from augalgebra.catalog.settings import Settings

__all__ = ["Catalog", "PluginInfo", "Settings", "examples_of", "load_catalog", "read_pipeline"]
