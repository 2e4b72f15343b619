"""Storage drivers: where bytes and names are kept.

``base`` defines the two interfaces, Blobs and Catalog, and what every driver promises.  ``disk`` and ``sqlite`` are
the drivers of a server with its own folder.  ``s3`` and ``postgres``, with ``segment_ledger`` between them, are the
drivers of many gateways.  ``extents`` opens an object of several blobs with any of them.  Nothing here knows HTTP,
signatures or the caller's identity.
"""
