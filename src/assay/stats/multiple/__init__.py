"""Many comparisons at once: adjusted p-values, simultaneous intervals, one rule over many metrics."""
