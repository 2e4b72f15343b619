"""Spans of real clients and a real server."""
