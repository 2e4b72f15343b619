"""The modules of the older Python SDK, ucloud 2.0.2, for programs written for it.  Implemented by ucloud.uvideo.

    from ucloud.ufile import putufile, multipartuploadufile
"""

from __future__ import absolute_import, division, print_function

#: The release of the older SDK that has these names.
__version__ = "2.0.2"
