"""Who gets what, and why: pure, standard library only."""
