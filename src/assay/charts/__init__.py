"""Numbers to SVG: pure, standard library only."""
