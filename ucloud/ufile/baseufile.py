"""The base of the older SDK's handlers."""

from __future__ import absolute_import, division, print_function

import string  # noqa: F401  the older SDK's module has these names too

from ..auth import Auth  # noqa: F401
from ..uvideo.handler import Signer
from ..uvideo.protocol.compat import TYPE_CHECKING
from . import config
from .httprequest import ResponseInfo

if TYPE_CHECKING:
    from typing import Any  # noqa: F401

    from requests import Session  # noqa: F401

    from ..uvideo.handler import ResponseInfo as _Info  # noqa: F401
    from ..uvideo.handler import _Answer  # noqa: F401


class BaseUFile(Signer):
    """A key pair and a copy of ucloud.ufile.config.  Safe to share between threads.

    public_key, private_key: non-empty text.  session: in place of config's.  Raises ValueError.
    """

    _defaults = config.DEFAULTS

    def __init__(self, public_key, private_key, session=None):
        # type: (str, str, Session | None) -> None
        super(BaseUFile, self).__init__(public_key, private_key, session=session)

    def _told(self, ret, resp):
        # type: (dict[str, Any] | None, _Info) -> _Answer
        return ret, ResponseInfo(resp, resp.exception)

    def _public_key(self):
        # type: () -> str
        return self._credentials.public_key
