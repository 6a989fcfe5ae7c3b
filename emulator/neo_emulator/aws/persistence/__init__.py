"""moto's S3 and small services on disk, used only when a data folder is configured.

    lock             one server per data folder
    journal          SQLite rows and small bodies, large bodies as files
    object_body      an object's bytes, replaces moto's temporary file
    pickling         moto's objects to bytes and back
    change_tracking  records what a request touches, inside moto's own S3 classes
    buckets          lists and restores moto's buckets
    services         IAM, STS, SageMaker, events, SNS: one row per account and region
    middleware       the WSGI application that commits changes to disk before a response is sent

moto's logic is untouched: its handlers change objects in memory, and `middleware` commits exactly those that a request
touched, in one transaction, after the handler and before the first byte of the response.
"""
