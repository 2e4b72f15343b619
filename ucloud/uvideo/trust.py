"""Whose certificates are believed, and which one the client shows: a context for TLS."""

from __future__ import absolute_import, division, print_function

import os
import ssl

from .protocol.errors import InvalidArgument


def authorities():
    """The file or folder of certificates of authorities that the environment names, or that of requests."""
    named = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    if named:
        return named
    from requests import certs

    return certs.where()


def tls(trusted, certificate):
    """An SSLContext.  ``trusted``: file or folder of certificates of authorities.

    ``certificate``: paths (certificate, key) to show when asked, or None.  InvalidArgument.
    """
    if not os.path.exists(trusted):
        raise InvalidArgument(u"there is no file or folder of certificates %s" % trusted)
    try:
        if os.path.isdir(trusted):
            context = ssl.create_default_context(capath=trusted)
        else:
            context = ssl.create_default_context(cafile=trusted)
        if certificate is not None:
            context.load_cert_chain(*certificate)
    except (EnvironmentError, ssl.SSLError) as error:
        raise InvalidArgument(
            u"the certificates of %s or the client's own cannot be read: %s" % (trusted, _why(error))
        )
    return context


def _why(error):
    """The library's reason, or the name of the error's class."""
    found = getattr(error, "strerror", None) or type(error).__name__
    return found.decode("utf-8", "replace") if isinstance(found, bytes) else found
