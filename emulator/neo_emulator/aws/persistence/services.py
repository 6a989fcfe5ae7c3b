"""Small services: the state of one account and region is one row, written when its bytes have changed.

Not persisted: SQS, ECR, KMS, SSM (their state has locks, keys and functions that cannot be pickled), CloudWatch Logs
(it grows with every line), and every service that is not listed here.
"""

from __future__ import annotations

import logging
from typing import Any

from moto.backends import get_backend

from neo_emulator.aws.persistence import pickling
from neo_emulator.aws.persistence.journal import Row

SERVICES = ("iam", "sts", "sagemaker", "events", "sns")
"""Signing names; moto's names are the same."""

INDIRECT = frozenset({"cloudformation", "tagging", "s3control"})
"""Services whose requests change the state of other services."""

_TRIES = 5
log = logging.getLogger(__name__)


class Services:
    """The state of the services as last written to the journal."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], bytes] = {}  # (service, "account/region") -> data
        self._refused: set[str] = set()

    def changes(self, service: str) -> list[Row]:
        """The rows that a request to `service` has changed."""
        if service in SERVICES:
            return self._changes_of(service)
        touched = {name for name, _ in self._seen} if service in INDIRECT else ()
        return [row for name in sorted(touched) for row in self._changes_of(name)]

    def _changes_of(self, service: str) -> list[Row]:
        rows = []
        for account, regions in list(get_backend(service).items()):
            for region, backend in list(regions.items()):
                place = (service, f"{account}/{region}")
                data = self._dump(service, backend)
                if data is not None and self._seen.get(place) != data:
                    rows.append(("service", *place, data))
        return rows

    def _dump(self, service: str, backend: Any) -> bytes | None:
        for _ in range(_TRIES):
            try:
                return pickling.dump(dict(backend.__dict__))[0]
            except RuntimeError:  # changed by another request: "dictionary changed size during iteration"
                continue
            except Exception as error:  # pickle raises many types
                if service not in self._refused:
                    self._refused.add(service)
                    log.error("cannot save the state of %s: %s", service, error)
                return None
        log.error("did not save the state of %s: it changes too fast", service)
        return None

    def written(self, rows: list[Row]) -> None:
        """Records that the journal has these rows."""
        self._seen.update({(service, place): data for _, service, place, data in rows})

    def restore(self, service: str, place: str, data: bytes) -> None:
        """Restores the state of one account and region ("account/region")."""
        account, _, region = place.partition("/")
        get_backend(service)[account][region].__dict__.update(pickling.load(data))
        self._seen[service, place] = data

    def forget(self) -> None:
        """Records that the journal was cleared."""
        self._seen.clear()
