"""The published place of AsyncListing and Listing: see ``uvideo.client.listing``."""

from __future__ import annotations

from uvideo.client.listing import AsyncListing, Listing

__all__ = ["AsyncListing", "Listing"]
