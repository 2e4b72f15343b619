"""Where bytes and names are kept.

``base`` has the two interfaces, Blobs and Catalog, with all that a driver promises; ``disk`` and ``sqlite`` are the
drivers of a server with a folder of its own, ``s3`` and ``postgres`` those of many gateways, with ``segment_ledger``
between the two.  Nothing here knows HTTP, a signature or who is asking.
"""
