"""The server.  Each room may import those before it in this list, and ``storage``:

- ``ops``: metrics, readiness, audit log, and the care of stored data.
- ``auth``: who asks, and what a signature covers.
- ``limits``: how much memory and disk requests may hold.
- ``rules``: what each operation does.  It knows no HTTP framework, no SQL and no path.
- ``http``: requests become operations, results become responses.  It decides nothing.
- ``console``: the web console and the admin port.
- ``process``: the processes, their settings, start, reload, restart and end.

``admin_commands`` is the command ``uvideo admin``.
"""
