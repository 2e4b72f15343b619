"""A cluster of real programs on 127.0.0.1: PostgreSQL, an S3 store, gateways and nginx; and what it must withstand."""
