"""The TLS context: trusted CA certificates and the client's own certificate."""

from __future__ import absolute_import, division, print_function

import os
import ssl

from ..protocol.compat import NamedTuple, to_bytes, to_text
from ..protocol.errors import InvalidArgument


def named():
    # type: () -> str | None
    """The environment variable that names the CA certificates, or None."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        if os.environ.get(name):
            return name
    return None


def authorities():
    # type: () -> str
    """The file or folder of CA certificates from the environment, or else from requests."""
    variable = named()
    if variable is not None:
        return os.environ[variable]
    from requests.utils import DEFAULT_CA_BUNDLE_PATH

    return DEFAULT_CA_BUNDLE_PATH


#: OpenSSL's reasons for a key that does not belong to the certificate.
_UNLIKE = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")
#: The most bytes of a password that OpenSSL takes.
_LONGEST = 1024


class Certificate(
    NamedTuple("Certificate", [("path", "str"), ("key", "str | None"), ("password", "str | bytes | None")])
):
    """The client's certificate.  path, key: PEM files; key None: in the same file.  password: of the key, or None."""

    __slots__ = ()

    def __repr__(self):
        # type: () -> str
        return "<Certificate %s>" % self.path


def tls(trusted, certificate):
    # type: (str, Certificate | None) -> ssl.SSLContext
    """An SSLContext.  InvalidArgument.  Never asks on the terminal.

    ``trusted``: file or folder of CA certificates.  ``certificate``: the Certificate to present when asked, or None.
    """
    if not os.path.exists(trusted):
        raise InvalidArgument(u"there is no file or folder of certificates %s" % _name(trusted))
    try:
        if os.path.isdir(trusted):
            context = ssl.create_default_context(capath=trusted)
        else:
            context = ssl.create_default_context(cafile=trusted)
    except (EnvironmentError, ssl.SSLError) as error:
        raise InvalidArgument(u"the certificates of %s cannot be read: %s" % (_name(trusted), _why(error)))
    if certificate is not None:
        _show(context, certificate)
    return context


def _show(context, certificate):
    # type: (ssl.SSLContext, Certificate) -> None
    """Load the client's certificate into a context."""
    path, key = certificate.path, certificate.key or certificate.path
    for name, each in (("client_cert", path), ("client_key", key)):
        if not os.path.isfile(each):
            raise InvalidArgument(u"%s: there is no file %s" % (name, _name(each)))
    if certificate.password is not None and len(to_bytes(certificate.password)) > _LONGEST:
        raise InvalidArgument(u"client_key_password is longer than %d bytes" % _LONGEST)
    asked = []

    def password():  # without this, OpenSSL would ask on the terminal
        # type: () -> str | bytes
        asked.append(True)
        return certificate.password or b""

    try:
        context.load_cert_chain(path, key, password)
    except (EnvironmentError, ssl.SSLError, ValueError) as error:
        if getattr(error, "reason", None) in _UNLIKE:
            text = u"the private key in %s does not belong to the certificate in %s" % (_name(key), _name(path))
        elif asked and certificate.password is None:
            text = u"the private key in %s is encrypted: set client_key_password" % _name(key)
        elif asked:
            text = u"client_key_password does not decrypt the private key in %s" % _name(key)
        else:
            text = u"%s and %s contain no PEM certificate and private key: %s" % (_name(path), _name(key), _why(error))
        raise InvalidArgument(text)


def _name(path):
    # type: (str | bytes) -> str
    """A path as text."""
    return path.decode("utf-8", "replace") if isinstance(path, bytes) else u"%s" % (path,)


def _why(error):
    # type: (Exception) -> str
    """The library's reason, or the error class's name."""
    found = getattr(error, "strerror", None) or getattr(error, "reason", None) or type(error).__name__
    return found.decode("utf-8", "replace") if isinstance(found, bytes) else to_text(found)
