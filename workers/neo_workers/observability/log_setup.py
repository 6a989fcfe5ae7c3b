"""Logging configuration: each process logs lines to standard error, as text or JSON, with the job's ID if any."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

_LOUD = ("botocore", "boto3", "urllib3", "werkzeug", "s3transfer")
_CHATTY = ("celery", "kombu")  # they log every task at INFO; the supervisor's log is better


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        job = getattr(record, "job", None)
        record.job_prefix = f"[{job}] " if job else ""
        return super().format(record)


class _JsonFormatter(logging.Formatter):
    """One JSON object per line: time (UTC), level, logger, message, process, and job and exception if present."""

    def format(self, record: logging.LogRecord) -> str:
        row = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        if job := getattr(record, "job", None):
            row["job"] = str(job)
        if record.exc_info:
            row["exception"] = self.formatException(record.exc_info)
        return json.dumps(row, default=str)


def configure(level: str, form: str = "text") -> None:
    """Logs to standard error at `level`; third-party loggers from WARNING on.

    `form` is "text", or "json" for one object per line.
    """
    handler = logging.StreamHandler()
    text = _Formatter("%(asctime)s %(levelname)s %(name)s %(job_prefix)s%(message)s")
    handler.setFormatter(_JsonFormatter() if form == "json" else text)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.WARNING)
    if level.upper() != "DEBUG":
        for name in _CHATTY:
            logging.getLogger(name).setLevel(logging.WARNING)
