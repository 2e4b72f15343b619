"""The command uvideo, as a process and in pieces."""
