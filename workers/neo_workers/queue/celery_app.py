"""The Celery app: one queue, one task, no results. The task is in worker/task.py."""

from __future__ import annotations

from functools import lru_cache

from celery import Celery

from neo_workers.queue import QUEUE
from neo_workers.settings import Settings

CONFIG: dict[str, object] = {
    "task_default_queue": QUEUE,
    # jobs are in the store, so messages are acknowledged early: losing Redis cannot crash the worker
    "task_acks_late": False,
    "task_ignore_result": True,
    "result_backend": None,
    "task_serializer": "json",
    "accept_content": ["json"],
    # a busy worker leaves messages to other workers
    "worker_disable_prefetch": True,
    "worker_prefetch_multiplier": 1,
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "broker_transport_options": {
        "socket_timeout": 10,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
        "health_check_interval": 5,
        "visibility_timeout": 86400,
    },
}


@lru_cache(maxsize=4)
def celery_app(settings: Settings) -> Celery:
    """The Celery app for the settings' broker; cached, so equal settings get the same app."""
    app = Celery("neo_workers", broker=settings.celery_broker_url, set_as_current=False)
    app.conf.update(CONFIG, worker_send_task_events=settings.task_events, task_send_sent_event=settings.task_events)
    app.conf.worker_enable_remote_control = settings.task_events
    return app
