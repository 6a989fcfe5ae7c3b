"""moto's S3 and small services on disk, used only when a data folder is given.

    folder      one server per data folder
    journal     SQLite rows and small bodies, large bodies as files
    body        an object's bytes, in the place of moto's temporary file
    pickling    moto's objects to bytes and back
    capture     what a request touches, noted inside moto's own S3 classes
    state       moto's buckets, found and put back
    services    IAM, STS, SageMaker, events, SNS: one row per account and region
    front       the WSGI application that makes disk equal to memory before an answer leaves

moto's logic is untouched: its handlers change objects in memory, and `front` commits exactly those that a request
touched, in one transaction, after the handler and before the first byte of the answer.
"""
