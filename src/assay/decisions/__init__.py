"""From estimates to a verdict in words: pure."""
