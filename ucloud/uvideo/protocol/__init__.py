"""The wire protocol of UFile / US3 and UVideo without I/O: values in, values out.

A *space* (the vendor also says bucket) holds *keys*.  An *upload* has an *upload id* and *parts* numbered from 0, each
one *block* long except the last; the service says how long a block is.  An *etag* is opaque outside ``etag``.  An
*operation* is a request as a value, a *message* is its HTTP form, a *dialect* is the rules between them, a *provider*
is a dialect with hosts.

Operations come in families, a module each: ``objects``, ``multipart``, ``copies``, ``listing``, ``states`` and
``management``.  Each module encodes and decodes requests and results; ``dialect`` finds the module.

Nothing here imports requests, socket, os, io, time, random, logging or threading.  Client and server use the same
functions: one side encodes and the other decodes.
"""
