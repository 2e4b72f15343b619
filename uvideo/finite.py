"""Numbers that options take."""

from __future__ import annotations

from typing import Any

import click

__all__ = ["FloatRange"]


class FloatRange(click.FloatRange):
    """click's, which lets "nan" pass: it is neither below nor above any limit."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        found = super().convert(value, param, ctx)
        if found != found:
            self.fail(f"{value!r} is no number.", param, ctx)
        return found
