"""What the store refuses.

StoreError
|- JobExists    the name is taken
|- TooManyJobs  the account and region has as many active jobs as the settings allow
|- JobNotFound
|- TooManyTags  the job would have more than MOST_TAGS
|- JobActive    the job is not terminal
"""

from __future__ import annotations

from neo_workers.jobs import JobId, JobStatus


class StoreError(Exception):
    """The store refused; `job_id` says for which job."""

    def __init__(self, job_id: JobId) -> None:
        super().__init__(str(job_id))
        self.job_id = job_id


class JobExists(StoreError):  # noqa: N818 - a fact about the store, caught by name
    pass


class TooManyJobs(StoreError):  # noqa: N818
    pass


class TooManyTags(StoreError):  # noqa: N818
    pass


class JobNotFound(StoreError):  # noqa: N818
    pass


class JobActive(StoreError):  # noqa: N818
    def __init__(self, job_id: JobId, status: JobStatus) -> None:
        super().__init__(job_id)
        self.status = status
