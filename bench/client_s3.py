"""One timed job with a library of the S3 world: python -m bench.client_s3 LIBRARY JOB ENDPOINT ACCESS_KEY BUCKET FILE

The secret key comes on standard input.  LIBRARY: boto3 (with s3transfer, as it is by default), crt or obstore.  JOB:
upload or download of the object `big`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

BIG = "big"
REGION = "us-east-1"
PIECE = 1 << 20


def main() -> None:
    library, job, endpoint, access_key, bucket, name = sys.argv[1:]
    secret = sys.stdin.readline().strip()
    upload, download = LIBRARIES[library](endpoint, access_key, secret, bucket)
    (upload if job == "upload" else download)(name)


Jobs = tuple[Callable[[str], object], Callable[[str], object]]


def boto3(endpoint: str, access_key: str, secret: str, bucket: str) -> Jobs:
    import boto3 as library
    from botocore.config import Config

    client = library.client(
        "s3",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret,
        config=Config(s3={"addressing_style": "path"}),
    )
    return (
        lambda name: client.upload_file(name, bucket, BIG),
        lambda name: client.download_file(bucket, BIG, name),
    )


def crt(endpoint: str, access_key: str, secret: str, bucket: str) -> Jobs:
    """Without boto3 around it, which gives the CRT no endpoint but Amazon's."""
    import botocore.session
    from s3transfer import crt as library

    session = botocore.session.Session()
    session.set_credentials(access_key, secret)
    wrapper = library.BotocoreCRTCredentialsWrapper(session.get_credentials())
    client = library.create_s3_crt_client(
        REGION, wrapper.to_crt_credentials_provider(), use_ssl=endpoint.startswith("https")
    )
    serializer = library.BotocoreCRTRequestSerializer(session, {"region_name": REGION, "endpoint_url": endpoint})

    def upload(name: str) -> None:
        with library.CRTTransferManager(client, serializer) as manager:
            manager.upload(name, bucket, BIG).result()

    def download(name: str) -> None:
        with library.CRTTransferManager(client, serializer) as manager:
            manager.download(bucket, BIG, name).result()

    return upload, download


def obstore(endpoint: str, access_key: str, secret: str, bucket: str) -> Jobs:
    import obstore as library
    from obstore.store import S3Store

    store = S3Store(
        bucket,
        endpoint=endpoint,
        region=REGION,
        access_key_id=access_key,
        secret_access_key=secret,
        client_options={"allow_http": True},
    )

    def download(name: str) -> None:
        with open(name, "wb", buffering=0) as file:
            for piece in library.get(store, BIG).stream(min_chunk_size=PIECE):
                file.write(piece)

    return lambda name: library.put(store, BIG, Path(name)), download


LIBRARIES: dict[str, Callable[[str, str, str, str], Jobs]] = {"boto3": boto3, "crt": crt, "obstore": obstore}

if __name__ == "__main__":
    main()
