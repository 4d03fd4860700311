"""Moments to estimates: pure, NumPy and SciPy only."""
