"""The server as a process, over raw sockets."""
