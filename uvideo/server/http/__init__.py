"""HTTP: requests become operations, results become responses."""
