"""Training: views of data sets, the three stages, and how each is optimised."""
