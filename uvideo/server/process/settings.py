"""The settings of ``uvideo serve``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from uvideo.server.http.exchange import IDLE, LEAST_RATE
from uvideo.server.process.exit_codes import Ending

__all__ = ["ServerSettings", "StartError"]


class StartError(Exception):
    """The server cannot start.  One line that says why.  ``ending``: has the exit code."""

    def __init__(self, message: str, ending: Ending) -> None:
        super().__init__(message)
        self.ending = ending


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """The settings of ``uvideo serve``.  Ports: 0 picks a free one.  ``s3_port``: None: there is no such port."""

    folder: Path
    host: str = "127.0.0.1"
    port: int = 9000
    admin_port: int = 9001
    admin_host: str = "127.0.0.1"
    hostname: tuple[str, ...] = ()
    s3_port: int | None = None
    s3_host: tuple[str, ...] = ()
    s3_form_v2: bool = False
    s3_strict_parts: bool = False
    public_key: str | None = None
    private_key: str | None = None
    other_keys: Path | None = None
    workers: int = 1
    fsync: bool = True
    database: str | None = None
    blobs: str | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    ready_file: Path | None = None
    restore_seconds: int = 0
    restored_seconds: int = 86400
    callback_allow: tuple[str, ...] = ()
    trusted_proxy: tuple[str, ...] = ()
    connections: int = 10_000
    connections_per_address: int = 1024
    idle: float = IDLE
    least_rate: float = LEAST_RATE
    rate: float = 0
    headroom: float = 64
    memory: int = 256
    quarantine_days: float = 7
    stale_days: float = 0
    lock_seconds: float = 4
    guesses: int = 100
    verify_reads: bool = False
    scrub_days: float = 0
    scrub_rate: float = 20
    faults: Path | None = None
    public_url: str | None = None
    console_origin: tuple[str, ...] = ()
    cors_origin: tuple[str, ...] = ()
    permanent_links: bool = False
    telemetry: bool = False
    log_level: str = "info"
    access_log: bool = False
    audit_log: Path | None = None
    audit_reads: bool = False
    settings: tuple[Path, ...] = ()
    reload_seconds: float = 60

    def __repr__(self) -> str:
        return f"ServerSettings(folder={str(self.folder)!r})"  # the others contain a secret
