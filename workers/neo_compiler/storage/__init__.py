"""Model archives in, artifacts out: S3, its addresses, tar.gz."""
