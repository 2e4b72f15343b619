"""nginx as a cheap peer: it stores and serves bytes under /<key>, checks nothing, and answers what our clients need.

Below /s/ it stores nothing either and serves SMALL under each key: the official SDK takes no 201 for a success.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from ucloud.uvideo.protocol import etag as etags

SMALL = bytes(range(256)) * 4
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
BLOCK = 4194304

# A POST is Initiate or Finish; a part is stored over the one before it.  `/big` has its etag, so that it is verified.
CONFIGURATION = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log crit;
events {{ worker_connections 512; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; client_max_body_size 0;
  client_body_buffer_size 64k; default_type application/octet-stream;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  map $request_method$uri $tag {{ GET/big '"{etag}"'; ~^POST ''; default '"opaque"'; }}
  server {{
    listen 127.0.0.1:{port};
    root {folder}/data;
    location / {{
      if ($request_method = POST) {{ return 200 '{{"UploadId":"u","BlkSize":{block}}}'; }}
      dav_methods PUT DELETE; create_full_put_path on;
      etag off; add_header ETag $tag always;
    }}
    location /s/ {{
      if ($request_method = PUT) {{ return 200; }}
      if ($request_method = DELETE) {{ return 204; }}
      etag off; add_header ETag '"{small}"' always;
      try_files /small =404;
    }}
  }}
}}
"""


class Peer:
    """A running nginx.  ``pid``: of its worker.  ``data``: the folder of its objects."""

    def __init__(self, port: int, pid: int, data: Path) -> None:
        self.port, self.pid, self.data = port, pid, data
        self.host = f"127.0.0.1:{port}"


@contextlib.contextmanager
def start_nginx(folder: Path, etag: str = "") -> Iterator[Peer]:
    """A Peer in ``folder``, ``etag``: of the object `big`.  RuntimeError if it does not answer."""
    if NGINX is None:
        raise RuntimeError("nginx is not installed")
    data = folder / "data"
    data.mkdir(parents=True)
    (data / "small").write_bytes(SMALL)
    tree = etags.Etag()
    tree.update(SMALL)
    folder.chmod(0o755)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    configuration = folder / "nginx.conf"
    as_root = "user root;\n" if Path("/proc/self").stat().st_uid == 0 else ""
    filled = CONFIGURATION.format(folder=folder, port=port, block=BLOCK, etag=etag, small=tree.value())
    configuration.write_text(as_root + filled)
    process = subprocess.Popen([NGINX, "-c", str(configuration), "-e", str(folder / "error.log")])
    try:
        yield Peer(port, _worker(port, process), data)
    finally:
        process.terminate()
        process.wait(20)


def _worker(port: int, process: subprocess.Popen[bytes]) -> int:
    """The process that serves, once it does."""
    until = time.monotonic() + 10
    while time.monotonic() < until and process.poll() is None:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            if children:
                return int(children[0])
        time.sleep(0.02)
    process.kill()
    raise RuntimeError("nginx did not start: see its error.log")
