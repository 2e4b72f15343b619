"""What the tests of the command share."""

from __future__ import annotations

from test.cli.inside import inside as inside  # fixtures
from test.cli.shell import shell as shell
