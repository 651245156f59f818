"""Densities of the codes of a run, conditioned on class and view."""
