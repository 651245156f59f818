"""Causal models of images: concepts that cause each other, graphs that can be edited, counterfactual pictures."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
