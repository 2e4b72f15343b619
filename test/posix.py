"""The modules that only Linux and macOS have, for tests.

They are None on Windows, where test/systems leaves out the tests that need them.
"""

from __future__ import annotations

try:
    import fcntl
    import pty
    import pwd
    import resource
    import termios
except ImportError:  # Windows
    fcntl = pty = pwd = resource = termios = None  # type: ignore[assignment]

__all__ = ["fcntl", "pty", "pwd", "resource", "termios"]
