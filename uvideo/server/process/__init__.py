"""The processes of a server: start, workers, settings, restart, stop."""
