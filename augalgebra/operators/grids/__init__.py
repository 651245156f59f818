"""Operators on codes that are grids: a move of the grid, then a local map of channels, one for each element."""
