from .catalog import Catalog as Catalog
from .contributions import examples_of as examples_of
from .contributions import export_pipeline as export_pipeline
from .contributions import find_head as find_head
from .contributions import read_pipeline as read_pipeline
from .digest import laws_digest as laws_digest
from .lint.codes import CODES as CODES
from .lint.codes import code_of as code_of
from .lint.tracing import Answer as Answer
from .lint.tracing import trace as trace
from .loading import load_catalog as load_catalog
from .overview import load_overview as load_overview
from .plugin import PluginInfo as PluginInfo
from .plugin import PluginSource as PluginSource
from .registration import WORKSPACE_FILE as WORKSPACE_FILE
from .registration import Registration as Registration
from .registration import find_registration as find_registration
from .registration import read_workspace as read_workspace
from .registration import registrations as registrations
from .requirements import incomplete_plugins as incomplete_plugins
from .requirements import missing_package as missing_package
from .settings import Settings as Settings
from .targets import LoadedTarget as LoadedTarget
from .targets import load_target as load_target
from .trust import Judgement as Judgement
from .trust import LeftOut as LeftOut
from .workspace_file import change_workspace as change_workspace
from .workspace_file import erase as erase

__all__ = [
    "CODES",
    "WORKSPACE_FILE",
    "Answer",
    "Catalog",
    "Judgement",
    "LeftOut",
    "LoadedTarget",
    "PluginInfo",
    "PluginSource",
    "Registration",
    "Settings",
    "change_workspace",
    "code_of",
    "erase",
    "examples_of",
    "export_pipeline",
    "find_head",
    "find_registration",
    "incomplete_plugins",
    "laws_digest",
    "load_catalog",
    "load_overview",
    "load_target",
    "missing_package",
    "read_pipeline",
    "read_workspace",
    "registrations",
    "trace",
]
