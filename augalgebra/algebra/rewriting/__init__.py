"""The word problem: rewriting by laws, Knuth-Bendix completion, and the proofs that come of it."""
