"""The server: rules in ``service``, HTTP in ``app``, the choice of drivers in ``main``.

``service`` knows no HTTP framework, no SQL and no path.  ``app`` knows no rule: it carries messages and bytes, and is
the one place where an error becomes an answer.
"""
