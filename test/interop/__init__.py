"""Programs of others against the server."""
