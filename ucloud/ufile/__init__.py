"""The modules of the older Python SDK, ucloud 2.0.2, for programs written against it; ucloud.uvideo does the work.

    from ucloud.ufile import putufile, multipartuploadufile
"""

from __future__ import absolute_import, division, print_function

#: The release of the older SDK whose names these are.
__version__ = "2.0.2"
