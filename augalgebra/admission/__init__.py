"""Admitting something to a workspace: loaded in isolation, looked over, its laws checked, further laws proposed."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
