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

#: The default file of set_log_file().
LOG_FILE = "ufile.log"

_UNSET = object()  # type: Any
_lock = threading.Lock()
_handler = None  # type: logging.FileHandler | None


class _Text(logging.Formatter):
    """Formats records as text that is valid UTF-8: also a native str on 2.7, and a file's name with any bytes."""

    def format(self, record):
        # type: (logging.LogRecord) -> str
        line = logging.Formatter.format(self, record)
        return (line if isinstance(line, bytes) else line.encode("utf-8", "replace")).decode("utf-8", "replace")


def set_log_file(locallogname=_UNSET, level=logging.INFO, localfile=_UNSET):
    # type: (str | None, int, str | None) -> None
    """Append the SDK's log to this file, in place of the file set before.  None or '' stops logging to a file.

    The default is LOG_FILE: ufile.log in the working directory.  localfile: the official SDK's name for locallogname.
    level: of the logging module.  Raises IOError if the file cannot be opened; then nothing changes.  Safe to call from
    any thread.
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
