"""pandas and DuckDB over s3fs: python tables_program.py URL BUCKET.

The bucket has films.csv.  It prints what they found as JSON.
"""

from __future__ import annotations

import json
import sys

import duckdb
import pandas
import s3fs

url, bucket = sys.argv[1:]
settings = {"client_kwargs": {"endpoint_url": url, "region_name": "cn-bj"}}
films = pandas.read_csv(f"s3://{bucket}/films.csv", storage_options=settings)
films["hours"] = films["minutes"] / 60
films.to_csv(f"s3://{bucket}/a folder/hours.csv", index=False, storage_options=settings)
again = pandas.read_csv(f"s3://{bucket}/a folder/hours.csv", storage_options=settings)

database = duckdb.connect()
database.register_filesystem(s3fs.S3FileSystem(**settings))
database.execute(
    f"COPY (SELECT title, minutes FROM read_csv('s3://{bucket}/films.csv') ORDER BY minutes)"
    f" TO 's3://{bucket}/films.parquet' (FORMAT parquet)"
)
shown = database.execute(f"SELECT title FROM 's3://{bucket}/films.parquet' WHERE minutes > 100").fetchall()
matched = database.execute(f"SELECT count(*) FROM read_csv('s3://{bucket}/*/*.csv')").fetchone()
json.dump({"hours": again["hours"].tolist(), "long": [title for (title,) in shown], "rows": matched[0]}, sys.stdout)
