"""A release: what is built, what it installs, and what it must not break."""
