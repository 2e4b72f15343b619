"""The settings of a service that can change while it runs."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Switches"]


@dataclass(slots=True)
class Switches:
    """A service and all that are made from it (``Service.over``) have the same Switches: a change reaches all of them.

    ``verify``: compare stored bytes with their etag before any of them is used.  ``permanent_links``: signed URLs may
    have no expiry.  ``s3_form_v2``: forms of S3 may have a signature of version 2.  ``s3_strict_parts``: parts of S3
    uploads must have the size that the vendor's gateway asks for.
    """

    verify: bool = False
    permanent_links: bool = False
    s3_form_v2: bool = False
    s3_strict_parts: bool = False
