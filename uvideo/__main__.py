"""``python -m uvideo`` is the command ``uvideo``."""

from __future__ import annotations

from uvideo.cli import main

if __name__ == "__main__":
    main()
