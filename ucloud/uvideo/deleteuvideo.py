"""Delete objects."""

from __future__ import absolute_import, division, print_function

from .engine.validation import header_pairs
from .handler import Handler, also, answers, succeeded
from .protocol.compat import TYPE_CHECKING
from .protocol.location import check_key, check_space
from .protocol.operation import DeleteObject

if TYPE_CHECKING:
    from typing import Any, Mapping  # noqa: F401

    from .handler import ResponseInfo  # noqa: F401


class DeleteUVideo(Handler):
    """Deletes objects in any space of this key pair.  Safe to share between threads."""

    @also(bucket="space")
    @answers
    def deletefile(self, space, key, header=None):
        # type: (str, str, Mapping[str, str] | None) -> tuple[dict[str, Any] | None, ResponseInfo]
        """Delete an object.  bucket: another name for space.

        (ret, resp); status_code 204 also if there was no such object, 401 signature, 403 keys.
        """
        op = DeleteObject(check_space(space), check_key(key))
        _, response = self._carrier.call(op, headers=header_pairs(header))
        return succeeded(response.status, response.headers, response.body)
