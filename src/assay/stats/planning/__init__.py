"""How many units a test needs, what it can find, and how long it takes."""
