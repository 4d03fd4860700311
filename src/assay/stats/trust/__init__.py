"""Whether a result can be believed: the split, the balance before the start, the exaggeration of winners."""
