"""The typed clients: Client in ``sync``, AsyncClient in ``aio``, their common base in ``base``."""
