"""docs/howto/data.md runs, in order and as it stands, with keys in the environment; then the cookbook's recipe."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from test.pages import Page
from test.server_fixture import ROOT, start_server

pytestmark = pytest.mark.data

#: What an installation does, perhaps once more, and an end that PyArrow's threads do not get in the way of.
BEFORE = """
import fsspec, upath.registry
fsspec.register_implementation("uvideo", "uvideo.fs.UVideoFileSystem")
upath.registry.register_implementation("uvideo", "uvideo.fs.path.UVideoPath", clobber=True)
if __name__ == "__main__":
"""
AFTER = "\n    print('all of it ran', flush=True)\n    import os; os._exit(0)\n"


def test_every_block_of_the_guide_runs(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "howto" / "data.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 6
    shutil.copy(ROOT / "test" / "data" / "demo.mp4", tmp_path / "movie.mp4")
    (recipe,) = (each.text for each in Page("docs/cookbook.md").blocks if each.text.startswith("import pandas"))
    lines = "\n".join([*blocks, 'fs.mkdir("uvideo://films", create_space=True)', recipe]).splitlines()
    (tmp_path / "guide.py").write_text(BEFORE + "\n".join("    " + line for line in lines) + AFTER)
    with start_server(tmp_path / "server", "--no-fsync") as server:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("UVIDEO_")},
            "PYTHONPATH": str(ROOT),
            "UVIDEO_ENDPOINT": server.host,
            "UVIDEO_PUBLIC_KEY": server.public_key,
            "UVIDEO_PRIVATE_KEY": server.private_key,
            "XDG_STATE_HOME": str(tmp_path / "state"),
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
        }
        done = subprocess.run(
            [sys.executable, "guide.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
        )
    assert done.returncode == 0 and done.stdout.endswith("all of it ran\n"), done.stderr
    assert server.private_key not in done.stdout + done.stderr
