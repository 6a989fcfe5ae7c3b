"""The other AWS services, served by moto; request signatures, S3 addressing, and state kept across restarts."""
