"""The messages of the command in other languages."""
