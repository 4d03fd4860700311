"""Variance removed with what was known before exposure."""
