"""The job engine of neo-emulator: jobs in Redis, given to workers through Celery, each compiled in its own processes.

The API reaches it through `jobs`, `store`, `queue`, `settings` and `artifacts`; none of these imports tvm.
"""
