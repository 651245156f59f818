"""All experiments, run in order and compared with the claims."""
