"""Lazy listings: pages are asked for as they are needed, and one that does not advance ends in an error."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Generic

from uvideo.errors import BadAnswer
from uvideo.models import Page, T


def following(page: Page[T], marker: str) -> str:
    """Where the page after this one begins, "" if there is none.  BadAnswer if that is where this one began."""
    if page.marker and page.marker == marker:
        raise BadAnswer("the listing does not advance", retryable=False)
    return page.marker


class Listing(Generic[T]):
    """What a listing gives, in the service's order; each iteration starts anew.  UVideoError while it is iterated.

    Safe to share between threads; an iterator of it is not.
    """

    def __init__(self, fetch: Callable[[str], Page[T]], start: str = "") -> None:
        self._fetch, self._start = fetch, start

    def pages(self) -> Iterator[Page[T]]:
        """The same a Page at a time, each asked for when it is wanted."""
        marker = self._start
        while True:
            page = self._fetch(marker)
            yield page
            marker = following(page, marker)
            if not marker:
                return

    def __iter__(self) -> Iterator[T]:
        for page in self.pages():
            yield from page.items


class AsyncListing(Generic[T]):
    """As Listing, with ``async for``."""

    def __init__(self, fetch: Callable[[str], Awaitable[Page[T]]], start: str = "") -> None:
        self._fetch, self._start = fetch, start

    async def pages(self) -> AsyncIterator[Page[T]]:
        """The same a Page at a time, each asked for when it is wanted."""
        marker = self._start
        while True:
            page = await self._fetch(marker)
            yield page
            marker = following(page, marker)
            if not marker:
                return

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for item in page.items:
                yield item
