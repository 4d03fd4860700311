"""Use cases, one file each: the only place that says "then"."""
