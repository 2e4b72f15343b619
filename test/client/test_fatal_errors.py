"""Which errors end a run over many items."""

from __future__ import annotations

import errno
import os

import pytest

from uvideo import errors
from uvideo.transfer.fatal_errors import FATAL, CircuitBreaker


def full() -> errors.LocalFailure:
    error = errors.LocalFailure("no room")
    error.__cause__ = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return error


@pytest.mark.parametrize(
    "error",
    [*(kind() for kind in FATAL), errors.SpaceNotFound(), full()],
    ids=lambda error: type(error).__name__,
)
def test_what_all_would_meet_opens_it_at_once(error: errors.UVideoError) -> None:
    breaker = CircuitBreaker(8)
    assert breaker.failed(error) and breaker.is_open
    breaker.succeeded()
    assert breaker.is_open


@pytest.mark.parametrize(
    "error",
    [
        errors.NotFound(),
        errors.AccessDenied(),
        errors.IntegrityError(),
        errors.InvalidArgument(),
        errors.LocalFailure(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_is_of_one_item_never_opens_it(error: errors.UVideoError) -> None:
    breaker = CircuitBreaker(1)
    assert not any(breaker.failed(error) for _ in range(100))


def test_what_is_of_one_space_or_disk_never_opens_it_where_items_are_of_several() -> None:
    assert not CircuitBreaker(1, one_space=False).failed(errors.SpaceNotFound())
    assert not CircuitBreaker(1, one_disk=False).failed(full())
    assert CircuitBreaker(1, one_space=False).failed(full())
    assert CircuitBreaker(1, one_space=False, one_disk=False).failed(errors.UnknownKey())


def test_a_line_is_dead_after_two_in_a_row_for_each_at_a_time() -> None:
    breaker = CircuitBreaker(3)
    assert not any(breaker.failed(errors.NoAnswer()) for _ in range(5))
    breaker.succeeded()
    assert [breaker.failed(errors.NoAnswer()) for _ in range(6)] == [False] * 5 + [True]


def test_a_body_that_is_too_long_says_nothing_of_the_others() -> None:
    breaker = CircuitBreaker(1)
    assert not any(breaker.failed(kind(cause="too-long")) for kind in (errors.NoAnswer, *FATAL) for _ in range(3))
