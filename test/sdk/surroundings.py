"""What a test sets around the code under test: the environment's proxies, and a handler that keeps what is logged."""

from __future__ import absolute_import, division, print_function

import contextlib
import logging
import os


@contextlib.contextmanager
def environment(**given):
    """Only these variables say anything of proxies."""
    kept = dict(os.environ)
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]
    os.environ.update(given)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


@contextlib.contextmanager
def logged(name=None):
    """The list of all that a logger says, at any level.  ``name``: None for the root's."""
    lines = []

    class Keep(logging.Handler):
        def emit(self, record):
            lines.append(record.getMessage())

    keep, logger = Keep(), logging.getLogger(name)
    level = logger.level
    logger.addHandler(keep)
    logger.setLevel(1)
    try:
        yield lines
    finally:
        logger.removeHandler(keep)
        logger.setLevel(level)
