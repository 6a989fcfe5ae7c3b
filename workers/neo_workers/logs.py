"""How every process of the emulator logs: one line to standard error, the job's id in brackets where there is one."""

from __future__ import annotations

import logging

_LOUD = ("botocore", "boto3", "urllib3", "werkzeug", "s3transfer")
_CHATTY = ("celery", "kombu")  # at INFO they tell of every task; the supervisor does that better


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        job = getattr(record, "job", None)
        record.job_prefix = f"[{job}] " if job else ""
        return super().format(record)


def configure(level: str) -> None:
    """Sends the log of this process to standard error at `level`, third parties' from WARNING on."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)s %(name)s %(job_prefix)s%(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.WARNING)
    if level.upper() != "DEBUG":
        for name in _CHATTY:
            logging.getLogger(name).setLevel(logging.WARNING)
