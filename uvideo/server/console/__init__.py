"""The web console: its pages, its sessions, its calls."""
