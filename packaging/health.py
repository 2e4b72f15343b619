"""Exit code 0 if the server of this container answers /healthz on its admin port, else 1 and why; 10 s at most.

Where that is it has written into DIR/lock, whatever file, variable or option said it.  DIR is UVIDEO_SERVE_DIR or the
folder that this runs in; of a server elsewhere the variables are asked.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
import sys
from pathlib import Path
from urllib.parse import urlsplit

SECONDS = 10


def admin() -> str:
    """The URL of the admin port."""
    try:
        found = json.loads((Path(os.environ.get("UVIDEO_SERVE_DIR") or ".") / "lock").read_bytes())["admin"]
        if isinstance(found, str):
            return found
    except (OSError, ValueError, LookupError, TypeError):
        pass
    scheme = "https" if os.environ.get("UVIDEO_SERVE_TLS_CERT") else "http"
    host = os.environ.get("UVIDEO_SERVE_ADMIN_HOST") or "127.0.0.1"
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (asked, not bound)
    port = os.environ.get("UVIDEO_SERVE_ADMIN_PORT") or 9001
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def main() -> int:
    url = urlsplit(admin())
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=SECONDS)
    if url.scheme == "https":
        # Its certificate names the host that clients know, not this address.
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(url.hostname or "", url.port, timeout=SECONDS, context=context)
    try:
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        print(f"no answer: {error}", file=sys.stderr)
        return 1
    finally:
        connection.close()
    if status != 200:
        print(f"/healthz said {status}", file=sys.stderr)
    return int(status != 200)


if __name__ == "__main__":
    sys.exit(main())
