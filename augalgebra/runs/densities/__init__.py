"""Fitting the densities of the codes of a run, conditioned on class and view; `augalgebra.runs.storage` keeps them."""
