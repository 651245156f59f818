from .cache import digest_of as digest_of
from .cache import keep as keep
from .cache import load_cached as load_cached
from .cache import read_result as read_result
from .cache import write_json as write_json
from .files import check_ending as check_ending
from .files import naming_failures as naming_failures
from .files import parts_in as parts_in
from .files import remove as remove
from .files import write_atomically as write_atomically
from .locks import LOCK as LOCK
from .locks import lock as lock
from .values import MOST_TEXT as MOST_TEXT
from .values import parse_json as parse_json
from .values import read_bytes as read_bytes

__all__ = [
    "LOCK",
    "MOST_TEXT",
    "check_ending",
    "digest_of",
    "keep",
    "load_cached",
    "lock",
    "naming_failures",
    "parse_json",
    "parts_in",
    "read_bytes",
    "read_result",
    "remove",
    "write_atomically",
    "write_json",
]
