"""Transfers: files and folders of any size, resumable, several at the same time."""
