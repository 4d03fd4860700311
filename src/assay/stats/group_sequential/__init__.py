"""Designs with a handful of planned looks: boundaries by alpha spending, futility, conditional power."""
