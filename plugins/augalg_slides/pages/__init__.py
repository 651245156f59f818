"""One module for each experiment: it runs and becomes blocks of a page."""
