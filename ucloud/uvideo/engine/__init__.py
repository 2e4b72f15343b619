"""What transfers are made of: a session that repeats requests, and uploads and downloads of any size."""

from __future__ import absolute_import, division, print_function
