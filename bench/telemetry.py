"""What OpenTelemetry costs: CPU of a server and of a client for each put and get of 1 KiB, with spans and without.

python -m bench.telemetry [--rounds 5] [--count 2000]

Spans go in batches to a collector that throws them away.  CPU seconds, so other work on the machine counts little.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from test.server_fixture import Server, start_server

CLIENT = """
import os, sys, time
host, public, private, count, space, endpoint = sys.argv[1:]
if endpoint:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    trace.set_tracer_provider(TracerProvider())
    trace.get_tracer_provider().add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint + "/v1/traces")))
import uvideo
with uvideo.Client(public, private, endpoint=host) as client:
    client.create_space(space)
    client.put(space, "warm", b"1")
    began = time.process_time()
    for number in range(int(count)):
        client.put(space, str(number % 50), bytes(1024))
        client.get(space, str(number % 50))
    if endpoint:
        trace.get_tracer_provider().force_flush()
    print((time.process_time() - began) / int(count) / 2 * 1e6)
"""


class _Taker(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *values: object) -> None:
        """Not on stderr."""


def cpu(pid: int) -> float:
    """Seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def once(server: Server, count: int, space: str, endpoint: str) -> tuple[float, float]:
    """(CPU of the server, of the client), microseconds a request."""
    began = cpu(server.pid)
    words = [server.host, server.public_key, server.private_key, str(count), space, endpoint]
    done = subprocess.run([sys.executable, "-c", CLIENT, *words], check=True, capture_output=True, text=True)
    return (cpu(server.pid) - began) / count / 2 * 1e6, float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.telemetry", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=2000)
    options = parser.parse_args()
    found: dict[str, list[tuple[float, float]]] = {"without": [], "with": []}
    with ThreadingHTTPServer(("127.0.0.1", 0), _Taker) as collector, tempfile.TemporaryDirectory() as folder:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{collector.server_port}"
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
        with (
            start_server(Path(folder) / "without", "--no-fsync", anew=True) as without,
            start_server(Path(folder) / "with", "--no-fsync", "--telemetry", env=env, anew=True) as told,
        ):
            for number in range(options.rounds):
                found["without"].append(once(without, options.count, f"bench-{number}", ""))
                found["with"].append(once(told, options.count, f"bench-{number}", endpoint))
        collector.shutdown()
    print(f"{'CPU, us a request':24}{'server':>10}{'client':>10}")
    for name, figures in found.items():
        server, client = (statistics.median(each) for each in zip(*figures, strict=True))
        print(f"{name + ' spans':24}{server:10.0f}{client:10.0f}")


if __name__ == "__main__":
    main()
