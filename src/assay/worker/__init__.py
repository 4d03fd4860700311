"""Periodic work: load, analyse, save, tell."""
