"""What moto knows about transform jobs, and about their models and input objects.

Source: moto 5.2, the backends (models.py) of sagemaker and s3; a contract test covers each.
"""

from __future__ import annotations

from neo_emulator.aws.moto_endpoints import MotoEndpoints, utc
from neo_workers.jobs import JsonObject, Scope


class MotoTransforms(MotoEndpoints):
    """Reads moto's backends without HTTP."""

    def has_job(self, scope: Scope, name: str) -> bool:
        """Whether moto has a transform job of that name, ours or not."""
        return name in self._backend("sagemaker", scope).transform_jobs

    def jobs(self, scope: Scope) -> dict[str, JsonObject]:
        """Every transform job that moto has, as rows of ListTransformJobs by name."""
        rows = list(self._backend("sagemaker", scope).transform_jobs.values())
        return {
            row.transform_job_name: {
                "TransformJobName": row.transform_job_name,
                "TransformJobArn": row.arn,
                "CreationTime": utc(row.creation_time),
                "TransformEndTime": utc(row.transform_end_time),
                "LastModifiedTime": utc(row.last_modified_time),
                "TransformJobStatus": row.transform_job_status,
            }
            for row in rows
        }

    def follow_job(self, scope: Scope, name: str, described: JsonObject) -> None:
        """Updates the state of moto's own copy of a job, and lets it have tags: moto's has none if Create had none."""
        found = self._backend("sagemaker", scope).transform_jobs.get(name)
        if found is not None:
            found.transform_job_status = described["TransformJobStatus"]
            found.failure_reason = described.get("FailureReason", "")
            found.tags = found.tags or []

    def role(self, scope: Scope, model_name: str) -> str:
        """ExecutionRoleArn of a model, "" for an unknown one."""
        model = self._backend("sagemaker", scope)._models.get(model_name)
        return str(model.execution_role_arn or "") if model is not None else ""

    def has_objects(self, bucket: str, prefix: str) -> bool | None:
        """Whether there is an object below a prefix; None if moto's S3 has no such bucket."""
        found = self._bucket(bucket)
        return any(key.startswith(prefix) for key in found.keys) if found is not None else None
