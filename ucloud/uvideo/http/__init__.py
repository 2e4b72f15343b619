"""HTTP/1.1: framing, connections, and the pool that keeps them, by proxies and TLS where they are asked for."""

from __future__ import absolute_import, division, print_function
