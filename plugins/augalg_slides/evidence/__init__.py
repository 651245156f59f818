"""What experiments are held against: the slides' claims, and results that are computed once."""
