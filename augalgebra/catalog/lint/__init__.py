"""The lint: what plugins, pipelines and workspaces declare that cannot be so, with a code for each finding."""

from augalgebra.catalog.lint.findings import Finding
from augalgebra.catalog.lint.linter import lint

__all__ = ["Finding", "lint"]
