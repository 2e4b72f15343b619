import logging

logger: logging.Logger

def set_log_file(locallogname: str | None, level: int = ...) -> None: ...
