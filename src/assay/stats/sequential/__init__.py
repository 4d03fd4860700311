"""Confidence sequences and tests that hold at every look."""
