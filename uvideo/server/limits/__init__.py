"""Limits on the memory and disk space of requests, and buffers for their bodies."""
