"""Every wrapper of a driver takes what the driver takes: a type checker does not look behind its cast."""

from __future__ import annotations

import inspect

import pytest

from uvideo.server import headroom, rights, timing
from uvideo.storage import base

WRAPPERS = (
    (rights._AddOnly, (base.Catalog,)),
    (headroom._KeptFree, (base.Blobs,)),
    (headroom._Writing, (base.Writer, base.PartSlot)),
    (timing._TimedBlobs, (base.Blobs,)),
    (timing._TimedSlot, (base.PartSlot,)),
)


def parameters(method: object) -> list[tuple[str, object, object]]:
    found = inspect.signature(method).parameters.values()  # type: ignore[arg-type]
    return [(each.name, each.kind, each.default) for each in found]


@pytest.mark.parametrize(("wrapper", "kinds"), WRAPPERS, ids=[wrapper.__name__ for wrapper, _ in WRAPPERS])
def test_a_wrapper_takes_what_the_driver_takes(wrapper: type, kinds: tuple[type, ...]) -> None:
    own = {name: method for name, method in vars(wrapper).items() if inspect.isfunction(method) and name[0] != "_"}
    assert own
    for name, method in own.items():
        for kind in kinds:
            assert parameters(method) == parameters(getattr(kind, name)), f"{wrapper.__name__}.{name}"
