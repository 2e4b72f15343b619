"""Transfers: files and folders of any size, resumable, many at a time."""
