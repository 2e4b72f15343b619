"""The server under what an operator has beside it: Prometheus, systemd's tools, nginx, haproxy: `make test-operate`."""
