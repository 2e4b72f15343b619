"""The server.  Each room may import the rooms before it in this list, and ``storage``:

- ``ops``: metrics, readiness, audit log, scrub and garbage collection.
- ``auth``: authentication, and what a signature covers.
- ``limits``: limits on the memory and disk space of requests.
- ``rules``: what each operation does.  It uses no HTTP framework, SQL or paths.
- ``http``: turns requests into operations and results into responses.  It makes no decisions of its own.
- ``console``: the web console and the admin port.
- ``process``: the processes: settings, start, reload, restart and end.

``admin_commands`` is the command ``uvideo admin``.
"""
