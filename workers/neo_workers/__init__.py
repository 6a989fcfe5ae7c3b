"""The job engine of neo-emulator: jobs in Redis, given to workers through Celery, each compiled in processes of its own.

The API reaches it through `jobs`, `store`, `queue`, `settings` and `artifacts`; none of these imports tvm.
"""
