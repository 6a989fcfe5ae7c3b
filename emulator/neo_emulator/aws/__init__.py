"""Every other AWS service, answered by moto; signatures, S3's addresses, what outlives a restart."""
