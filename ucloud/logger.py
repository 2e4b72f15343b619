"""The SDK's logger, silent until a file is set.

    from ucloud import logger
    logger.set_log_file('/path/to/log')

No secret, signature or signed URL is ever logged.
"""

from __future__ import absolute_import, division, print_function

import logging
import threading

from . import uvideo  # noqa: F401  it makes the logger silent
from .uvideo.protocol.compat import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any  # noqa: F401

logger = logging.getLogger("ucloud.uvideo")

#: The file that set_log_file() writes.
LOG_FILE = "ufile.log"

_UNSET = object()  # type: Any
_lock = threading.Lock()
_handler = None  # type: logging.FileHandler | None


class _Text(logging.Formatter):
    """Gives text that can be written as UTF-8: of a native str on 2.7, and whatever a name of a file holds."""

    def format(self, record):
        # type: (logging.LogRecord) -> str
        line = logging.Formatter.format(self, record)
        return (line if isinstance(line, bytes) else line.encode("utf-8", "replace")).decode("utf-8", "replace")


def set_log_file(locallogname=_UNSET, level=logging.INFO, localfile=_UNSET):
    # type: (str | None, int, str | None) -> None
    """Write the SDK's log to this file, appending, in place of the one set before; None or '' ends it.

    Without a name it is LOG_FILE, ufile.log in the folder where the program runs.  localfile: the official SDK's word
    for locallogname.  level: of the logging module.  Raises IOError if the file cannot be opened; then all stays as it
    was.  Safe to call from any thread.
    """
    global _handler
    made = None
    if locallogname is _UNSET:
        locallogname = LOG_FILE if localfile is _UNSET else localfile
    if locallogname:
        made = logging.FileHandler(locallogname, encoding="utf-8")
        made.setFormatter(_Text("%(asctime)s %(levelname)s %(threadName)s %(message)s"))
    with _lock:
        if _handler is not None:
            logger.removeHandler(_handler)
            _handler.close()
        if made is not None:
            logger.addHandler(made)
            logger.setLevel(level)
        _handler = made
