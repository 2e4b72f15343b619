"""The typed clients: Client in ``sync``, AsyncClient in ``aio``, what both share in ``base``."""
