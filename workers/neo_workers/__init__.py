"""The job engine of neo-emulator: jobs in Redis, sent to workers through Celery, each compiled in its own process tree.

The API reaches it through `jobs`, `store`, `queue`, `settings` and `artifacts`; none of these imports tvm.
"""
