"""Batch transform: jobs that send the objects of an S3 prefix through a compiled model."""
