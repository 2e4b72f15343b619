"""Lazy listings: pages are requested as needed.  A page that does not advance raises an error."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import Generic

from uvideo.errors import BadAnswer
from uvideo.models import Page, T


def following(page: Page[T], marker: str) -> str:
    """The marker of the next page, "" after the last.  BadAnswer if the listing does not advance."""
    if page.marker and page.marker == marker:
        raise BadAnswer("the listing does not advance", retryable=False)
    return page.marker


#: All entries of a page in the order in which an iteration gives them.
Merge = Callable[[Page[T]], Iterable[T]]


def items_of(page: Page[T]) -> Iterable[T]:
    return page.items


class Listing(Generic[T]):
    """The items of a listing, in the service's order, with its prefixes among them if there is a delimiter.

    Each iteration starts from the beginning and may raise UVideoError.

    Safe to share between threads; its iterators are not.
    """

    def __init__(self, fetch: Callable[[str], Page[T]], start: str = "", merge: Merge[T] = items_of) -> None:
        self._fetch, self._start, self._merge = fetch, start, merge

    def pages(self) -> Iterator[Page[T]]:
        """The items by page, each page requested when needed."""
        marker = self._start
        while True:
            page = self._fetch(marker)
            yield page
            marker = following(page, marker)
            if not marker:
                return

    def __iter__(self) -> Iterator[T]:
        for page in self.pages():
            yield from self._merge(page)


class AsyncListing(Generic[T]):
    """As Listing, with ``async for``."""

    def __init__(self, fetch: Callable[[str], Awaitable[Page[T]]], start: str = "", merge: Merge[T] = items_of) -> None:
        self._fetch, self._start, self._merge = fetch, start, merge

    async def pages(self) -> AsyncIterator[Page[T]]:
        """The items by page, each page requested when needed."""
        marker = self._start
        while True:
            page = await self._fetch(marker)
            yield page
            marker = following(page, marker)
            if not marker:
                return

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for item in self._merge(page):
                yield item
