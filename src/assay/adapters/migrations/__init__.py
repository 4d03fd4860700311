"""Schema migrations, oldest to newest."""
