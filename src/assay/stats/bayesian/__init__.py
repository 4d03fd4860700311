"""Posteriors: the chance to be better, the expected loss, and intervals of credible effects."""
