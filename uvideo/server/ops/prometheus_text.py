"""Metric families in Prometheus' text format and in OpenMetrics 1.0.0.

Source: https://prometheus.io/docs/instrumenting/exposition_formats and
https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

__all__ = ["OPENMETRICS", "TEXT", "Family", "Sample", "openmetrics", "text", "wants_openmetrics"]

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
UNITS = ("seconds", "bytes")

_QUALITY = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?").fullmatch


class Sample(NamedTuple):
    """``suffix``: added to the family's name, for example "_bucket"."""

    value: int | float
    labels: Mapping[str, str] = {}
    suffix: str = ""


class Family(NamedTuple):
    """``name``: as in Prometheus' text format, with the _total of a counter and the _info of an info.

    ``kind``: "counter", "gauge", "histogram" or "info".  ``text``: the description, one line.
    """

    name: str
    kind: str
    text: str
    samples: list[Sample]


def text(families: Iterable[Family]) -> str:
    """Prometheus' text format.  An info is a gauge there."""
    lines = list[str]()
    for name, kind, what, samples in families:
        lines.append(f"# HELP {name} {_escaped(what)}")
        lines.append(f"# TYPE {name} {'gauge' if kind == 'info' else kind}")
        lines += [_line(name + each.suffix, each) for each in samples]
    return "\n".join(lines) + "\n"


def openmetrics(families: Iterable[Family], created: float) -> str:
    """OpenMetrics 1.0.0.  ``created``: the start of all counters and histograms in unix seconds."""
    lines = list[str]()
    for full, kind, what, samples in families:
        name, suffix = full, ""
        if kind in ("counter", "info"):
            suffix = {"counter": "_total", "info": "_info"}[kind]
            name = full.removesuffix(suffix)
        lines.append(f"# TYPE {name} {kind}")
        unit = name.rpartition("_")[2]
        if unit in UNITS:
            lines.append(f"# UNIT {name} {unit}")
        lines.append(f"# HELP {name} {_escaped(what, quotes=True)}")
        for each in samples:
            lines.append(_line(name + (each.suffix or suffix), each))
            if kind == "counter" or each.suffix == "_count":
                lines.append(_line(f"{name}_created", each._replace(value=created)))
    return "\n".join(lines) + "\n# EOF\n"


def wants_openmetrics(accept: str) -> bool:
    """Whether an Accept header prefers OpenMetrics 1.0.0 to plain text, or both equally."""
    open_metrics = plain = 0.0
    for each in accept.lower().split(","):
        kind, *parameters = (part.strip(" \t") for part in each.split(";"))
        given = {name.strip(): value.strip(' "') for name, _, value in (part.partition("=") for part in parameters)}
        quality = float(given["q"]) if _QUALITY(given.get("q", "")) else 1.0
        if kind == "application/openmetrics-text" and given.get("version", "1.0.0") == "1.0.0":
            open_metrics = max(open_metrics, quality)
        elif kind in ("text/plain", "text/*"):
            plain = max(plain, quality)
    return 0 < open_metrics >= plain


def _line(name: str, sample: Sample) -> str:
    labels = ",".join(f'{label}="{_escaped(value, quotes=True)}"' for label, value in sample.labels.items())
    value = sample.value if isinstance(sample.value, int) else f"{sample.value:.6f}"
    return f"{name}{{{labels}}} {value}" if labels else f"{name} {value}"


def _escaped(value: str, *, quotes: bool = False) -> str:
    value = value.replace("\\", "\\\\").replace("\n", "\\n")
    return value.replace('"', '\\"') if quotes else value
