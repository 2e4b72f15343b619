"""Numeric types for command options."""

from __future__ import annotations

import click

__all__ = ["FloatRange"]


class FloatRange(click.FloatRange):
    """click's FloatRange, without "nan", which click accepts: it is neither below nor above a limit."""

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = super().convert(value, param, ctx)
        if found != found:
            self.fail(f"{value!r} is not a number.", param, ctx)
        return found
