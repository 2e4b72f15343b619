"""A server that is killed, and a disk that forgets: what was acknowledged is there, nothing half-done is seen."""
