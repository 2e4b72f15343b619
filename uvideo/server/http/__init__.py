"""HTTP: turns requests into operations, and results into responses."""
