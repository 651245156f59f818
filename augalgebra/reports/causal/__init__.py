"""What stands on the pages of causal runs: the graph, pictures under interventions, and what was measured."""
