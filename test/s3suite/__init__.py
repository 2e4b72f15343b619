"""The public suite ceph/s3-tests against `uvideo serve`: `make s3-tests S3TESTS=DIR`."""
