"""Exit code 0 if the server of this container answers /healthz on its admin port, else 1 and why; 10 s at most."""

from __future__ import annotations

import http.client
import os
import ssl
import sys

SECONDS = 10


def main() -> int:
    port = int(os.environ.get("UVIDEO_SERVE_ADMIN_PORT") or 9001)
    host = os.environ.get("UVIDEO_SERVE_ADMIN_HOST") or "127.0.0.1"
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (asked, not bound)
    connection = http.client.HTTPConnection(host, port, timeout=SECONDS)
    if os.environ.get("UVIDEO_SERVE_TLS_CERT"):
        # Its certificate names the host that clients know, not this address.
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, port, timeout=SECONDS, context=context)
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
