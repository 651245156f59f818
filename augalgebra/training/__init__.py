"""Training: data sets, views of them, the three stages, and the folder that keeps what came out."""
