"""Unmodified clients of S3, from PyPI and npm, against `uvideo serve`: `make test-s3`."""
