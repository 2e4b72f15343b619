"""Settings: from arguments, environment and profiles."""
