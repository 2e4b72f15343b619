"""The published place of scripted faults: see ``uvideo.testing.faults``."""

from __future__ import annotations

from uvideo.testing.faults import Fault, Faults, NeverHappened

__all__ = ["Fault", "Faults", "NeverHappened"]
