"""Ports at which something comes back."""

from __future__ import annotations

from test.ports import free_ports, given_by_the_system


def test_a_port_to_come_back_to_is_none_that_the_system_gives_away() -> None:
    given = given_by_the_system()
    assert len(given) > 1000
    alone, beside = free_ports(3), free_ports(3, companion=10_000)
    assert len({*alone}) == len({*beside}) == 3
    assert not any(port in given for port in [*alone, *beside, *(port + 10_000 for port in beside)])
