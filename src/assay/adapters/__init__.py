"""The only place with I/O."""
