"""Direct access to the state of moto's services, without HTTP.

Source: moto 5.2, the backends (models.py) of logs, events, sagemaker, iam, sts and s3; contract tests cover each.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from neo_emulator.aws.s3.public_access import PublicAccess
from neo_workers.jobs import JsonObject, Scope


class MotoServices:
    """moto's services. A service that nobody has used yet is not imported just to find that it is empty."""

    def __init__(self, load: Callable[[], object]) -> None:
        self._load = load  # loads moto, and the state in the data folder

    def in_use(self, service: str) -> bool:
        """Whether anyone has called `service` ("logs", "events", ...) since the start."""
        return f"moto.{service}.models" in sys.modules

    def put_event(self, scope: Scope, event: JsonObject) -> None:
        """Puts one entry of PutEvents on EventBridge's default bus."""
        backend = self._backend("events", scope)
        _name_the_account_in_events()
        backend.put_events([event])

    def put_log_events(self, scope: Scope, group: str, stream: str, events: list[JsonObject]) -> None:
        """Adds log events ({"timestamp": milliseconds, "message": text}) to a stream of CloudWatch Logs.

        The group and the stream are created when they do not exist.
        """
        logs = self._backend("logs", scope)
        if group not in logs.groups:
            logs.create_log_group(group, {})
        if stream not in logs.groups[group].streams:
            logs.create_log_stream(group, stream)
        logs.put_log_events(group, stream, events)

    def model_package(self, scope: Scope, arn: str) -> JsonObject | None:
        """The InferenceSpecification of a model package, None when the package does not exist."""
        packages = self._backend("sagemaker", scope).model_packages.values()
        return next((package.inference_specification or {} for package in packages if package.arn == arn), None)

    def trusts_sagemaker(self, role_arn: str) -> bool:
        """Whether a role exists and lets sagemaker.amazonaws.com assume it."""
        from moto.backends import get_backend

        partition, account = role_arn.split(":")[1], role_arn.split(":")[4]
        roles = get_backend("iam")[account][partition].roles.values()
        document = next((str(role.assume_role_policy_document) for role in roles if role.arn == role_arn), "")
        return "sagemaker.amazonaws.com" in document

    def secret_of(self, access_key: str) -> tuple[str, str] | None:
        """Secret key and session token ("" for a user's key) of an access key issued by IAM or STS; None for others."""
        issued: list[Any] = []
        if self.in_use("iam"):
            for backend in self._all_backends("iam"):
                issued += [key for user in backend.users.values() for key in user.access_keys]
        if self.in_use("sts"):
            for backend in self._all_backends("sts"):
                issued += backend.assumed_roles
        for key in issued:
            if key.access_key_id == access_key:
                return key.secret_access_key, getattr(key, "session_token", "")
        return None

    def has_cors_rules(self, bucket: str) -> bool:
        """Whether a bucket has a CORS configuration; False for an unknown bucket."""
        found = self._bucket(bucket)
        return found is not None and bool(found.cors)

    def public_access(self, bucket: str, key: str) -> PublicAccess | None:
        """What a bucket, and an object in it, grant to anonymous users; None for an unknown bucket."""
        found = self._bucket(bucket)
        if found is None:
            return None
        from moto.s3 import models as s3

        item = found.keys.get(key) if key else None

        def grants(acl: Any) -> frozenset[str]:
            rows = acl.grants if acl else []
            return frozenset(p for row in rows if s3.ALL_USERS_GRANTEE in row.grantees for p in row.permissions)

        block, enforced = found.public_access_block, found.ownership_rule == "BucketOwnerEnforced"
        return PublicAccess(
            partition=found.partition,
            policy=found.policy.decode() if found.policy else "",
            bucket_grants=grants(found.acl),
            object_grants=grants(item.acl) if item is not None else None,
            ignores_acls=enforced or bool(block and block.ignore_public_acls),
            restricts_policy=bool(block and block.restrict_public_buckets),
        )

    def _backend(self, service: str, scope: Scope) -> Any:
        from moto.backends import get_backend

        self._load()
        return get_backend(service)[scope.account][scope.region]

    def _all_backends(self, service: str) -> list[Any]:
        from moto.backends import get_backend

        return [backend for regions in get_backend(service).values() for backend in regions.values()]

    def _bucket(self, name: str) -> Any:
        self._load()
        from moto.s3.models import s3_backends

        owner = s3_backends.bucket_accounts.get(name)
        return s3_backends[owner[1]][owner[0]].buckets.get(name) if owner else None


def _name_the_account_in_events() -> None:
    """Adds `account` to events that a rule forwards unchanged, as EventBridge does; moto's template lacks it."""
    from moto.events.models import EventTemplateParser

    template = EventTemplateParser.DEFAULT_EVENT_INPUT_TEMPLATE
    if "<account>" not in template:
        EventTemplateParser.DEFAULT_EVENT_INPUT_TEMPLATE = template.replace("{", '{"account": "<account>", ', 1)
