"""Plans to SQL through sqlglot; opens no connection."""
