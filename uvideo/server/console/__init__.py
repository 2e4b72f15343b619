"""The web console: pages, sessions, calls; and the admin port."""
