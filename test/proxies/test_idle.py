"""A box that drops an idle connection, without a word of TLS, costs the next call nothing but a new one."""

from __future__ import annotations

import threading
import uuid
from pathlib import Path

import pytest

import uvideo
from test.patience import until
from test.proxies.faces import FACES
from test.proxies.stunnel import start_stunnel
from test.proxies.world import World

pytestmark = [pytest.mark.proxies, pytest.mark.xdist_group("idle")]

#: Those that hold a connection from one call to the next; the command is a process of its own each time.
HOLDING = [name for name, face in FACES.items() if face.program != "command"]


@pytest.mark.parametrize("face", HOLDING)
def test_a_connection_that_was_dropped_meanwhile(
    face: str, world: World, files: tuple[Path, Path], tmp_path: Path
) -> None:
    small, _ = files
    prefix, signal = f"{uuid.uuid4().hex[:8]}/", tmp_path / "go"
    job = {"steps": ["put", "rest", "list"], "prefix": prefix, "small": str(small), "large": "", "signal": str(signal)}
    with start_stunnel(world, "TIMEOUTidle = 1") as way:

        def let_go() -> None:
            until(lambda: "TIMEOUTidle exceeded" in way.seen())
            signal.touch()

        dropped = threading.Thread(target=let_go)
        dropped.start()
        said = FACES[face].run(way, world, tmp_path, job, retries=1)
        dropped.join()
        assert said.outcome == {"put": uvideo.etag(small), "rest": True, "list": [prefix + "small"]}
        assert way.seen().count("accepted connection") > 1
