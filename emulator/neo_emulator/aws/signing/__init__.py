"""Request signatures: version 4 and, for S3, version 2."""
