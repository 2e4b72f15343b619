"""What a process holds for clients that have not taken it yet."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from uvideo.storage.send_window import Window


@given(st.lists(st.integers(1, 5000), max_size=60))
def test_all_together_hold_no_more_than_the_window_and_the_least_of_each(wanted: list[int]) -> None:
    window = Window(10_000, least=50)
    taken = [window.take(each) for each in wanted]
    assert all(min(each, 50) <= got <= each for each, got in zip(wanted, taken, strict=True))
    assert sum(taken) <= 10_000 + 50 * len(wanted)


def test_one_taker_leaves_room_for_others_and_what_is_given_back_counts_again() -> None:
    window = Window(1000, least=10)
    assert window.take(5000) == 250
    first = [window.take(5000) for _ in range(40)]
    assert window.is_full and first[-1] == 10
    for each in [250, *first]:
        window.give(each)
    assert not window.is_full and window.take(5000) == 250
