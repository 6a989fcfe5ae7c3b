"""Errors of the store.

StoreError
|- JobExists    the name is in use
|- TooManyJobs  the account and region has as many active jobs as the settings allow
|- JobNotFound
|- TooManyTags  the job would have more than MOST_TAGS
|- JobActive    the job is not terminal
"""

from __future__ import annotations

from neo_workers.jobs import JobId, JobStatus


class StoreError(Exception):
    """The store refused an operation on the job `job_id`."""

    def __init__(self, job_id: JobId) -> None:
        super().__init__(str(job_id))
        self.job_id = job_id


class JobExists(StoreError):  # noqa: N818 - a fact about the store, caught by name
    """A job with this name exists in the account and region, active or ended."""


class TooManyJobs(StoreError):  # noqa: N818
    """The account and region has `max_active_jobs` active jobs."""


class TooManyTags(StoreError):  # noqa: N818
    """The job would have more than MOST_TAGS tags."""


class JobNotFound(StoreError):  # noqa: N818
    """No job has this name in the account and region."""


class JobActive(StoreError):  # noqa: N818
    """The job is not terminal; `status` is its status."""

    def __init__(self, job_id: JobId, status: JobStatus) -> None:
        super().__init__(job_id)
        self.status = status
