"""The S3 protocol as functions and values.  No I/O.  docs/s3.md lists its operations."""
