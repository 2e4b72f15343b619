"""The typed clients: Client in ``sync``, AsyncClient in ``aio``."""
