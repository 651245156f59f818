from .augment import LatentAugment as LatentAugment
from .cache import Cache as Cache
from .comparing import CopiesReport as CopiesReport
from .comparing import StripReport as StripReport
from .comparing import check_scaling as check_scaling
from .comparing import strip_cache as strip_cache
from .comparing import verify_cache as verify_cache
from .inspection import CacheInfo as CacheInfo
from .inspection import describe_cache as describe_cache
from .moving import Scaling as Scaling
from .moving import Written as Written
from .moving import augment_cache as augment_cache
from .moving import move_cache as move_cache

__all__ = [
    "Cache",
    "CacheInfo",
    "CopiesReport",
    "LatentAugment",
    "Scaling",
    "StripReport",
    "Written",
    "augment_cache",
    "check_scaling",
    "describe_cache",
    "move_cache",
    "strip_cache",
    "verify_cache",
]
