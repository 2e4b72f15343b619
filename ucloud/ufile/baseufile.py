"""What the older SDK's handlers share."""

from __future__ import absolute_import, division, print_function

import string  # noqa: F401  the older SDK's module has these names too

from ..auth import Auth  # noqa: F401
from ..uvideo.handler import Signer
from . import config
from .httprequest import ResponseInfo


class BaseUFile(Signer):
    """A key pair and a copy of ucloud.ufile.config.  Safe to share between threads.

    public_key, private_key: non-empty text.  session: instead of config's.  Raises ValueError.
    """

    _defaults = config.DEFAULTS

    def __init__(self, public_key, private_key, session=None):
        super(BaseUFile, self).__init__(public_key, private_key, session=session)

    def _told(self, ret, resp):
        return ret, ResponseInfo(resp, resp.exception)

    def _public_key(self):
        return self._credentials.public_key
