"""What a hostile peer may send: to the server over raw sockets, to the parsers, to the clients."""
