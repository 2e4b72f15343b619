"""The transfer engine: sessions that retry requests, and uploads and downloads of any size."""

from __future__ import absolute_import, division, print_function
