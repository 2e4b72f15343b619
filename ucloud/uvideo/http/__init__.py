"""HTTP/1.1: framing, connections over TCP, TLS and proxies, and the pool that keeps them open."""

from __future__ import absolute_import, division, print_function
