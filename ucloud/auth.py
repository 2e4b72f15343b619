"""Signatures with a key pair, for programs of the older SDK that make their own requests."""

from __future__ import absolute_import, division, print_function

import hashlib  # noqa: F401  the older SDK's module has these names too
import hmac  # noqa: F401
from functools import reduce  # noqa: F401

from .compact import b, s  # noqa: F401
from .logger import logger  # noqa: F401
from .util import standard_b64encode  # noqa: F401
from .uvideo.handler import Signer
from .uvideo.protocol.compat import TYPE_CHECKING, native
from .uvideo.protocol.signature import action_signature, sign

if TYPE_CHECKING:
    from typing import Any  # noqa: F401


class Auth(object):
    """Signs with a key pair.  Raises ValueError for invalid keys."""

    def __init__(self, public_key, private_key):
        # type: (str, str) -> None
        self.set_keys(public_key, private_key)

    def set_keys(self, public_key, private_key):
        # type: (str, str) -> None
        """Sign with these keys from now on.  Raises ValueError."""
        self._handler = Signer(public_key, private_key)

    def bucket_signature(self, query):
        # type: (dict[str, Any]) -> str
        """The Signature of a management call with these parameters, a dict, to which PublicKey is added here."""
        query["PublicKey"] = self._public_key()
        return action_signature(self._handler._credentials.private_key, query)

    def ufile_signature(self, data):
        # type: (str) -> str
        """The base64 signature of a text."""
        return sign(self._handler._credentials.private_key, data)

    def ufile_authorization(self, data):
        # type: (str) -> str
        """The Authorization header with this signature."""
        return "UCloud %s:%s" % (self._public_key(), self.ufile_signature(data))

    def _public_key(self):
        # type: () -> str
        return native(self._handler._credentials.public_key)

    def __repr__(self):
        # type: () -> str
        return "<Auth %s>" % self._public_key()
