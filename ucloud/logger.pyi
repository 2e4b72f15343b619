import logging

logger: logging.Logger
LOG_FILE: str

def set_log_file(locallogname: str | None = ..., level: int = ..., localfile: str | None = ...) -> None: ...
