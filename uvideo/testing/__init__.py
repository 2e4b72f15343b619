"""For tests of programs that use the service: a real server in a temporary folder.

pytest finds the plugin once ``uvideo[test]`` is installed:

    def test_an_upload_survives_a_broken_line(uvideo_server):
        uvideo_server.faults.on("UploadPart", part=1).cut_after(512).then(503, times=2)
        uvideo_server.client.create_space("films")
        assert uvideo_server.client.upload("films", "a", "movie.mp4").verified

A fault that never happened fails the test.  ``serve`` is the same for other scopes and other frameworks; it needs no
pytest, only ``uvideo[server]``.
"""

from __future__ import annotations

from uvideo.testing.server import TestServer, serve

__all__ = ["TestServer", "serve"]

#: The plugin that pytest loads with this module.  The server imports the scripted faults, and needs no pytest.
pytest_plugins = ("uvideo.testing.plugin",)
