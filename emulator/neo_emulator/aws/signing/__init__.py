"""Signatures of requests: version 4 and, for S3, version 2."""
