"""What the tests of the command share."""

from __future__ import annotations

from test.cli.shell import shell as shell  # a fixture
