"""Where settings come from: arguments, environment, profiles."""
