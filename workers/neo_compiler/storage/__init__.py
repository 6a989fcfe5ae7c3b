"""Reads model archives and writes artifacts: S3, S3 URIs, tar.gz."""
