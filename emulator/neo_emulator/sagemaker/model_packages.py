"""ModelPackageVersionArn: takes InputConfig from a registered model package.

Source: ModelPackageContainerDefinition in the SageMaker API reference. That an unknown package is refused when the job
is created is inferred from CreateModel; the text is moto's.
"""

from __future__ import annotations

from neo_emulator.protocol import errors
from neo_workers.jobs import JsonObject


def input_config(arn: str, specification: JsonObject | None) -> JsonObject:
    """The InputConfig of a package's first container. Raises ServiceError (ValidationException) if it has none."""
    if specification is None:
        raise errors.validation(f"Model package {arn} not found")
    container: JsonObject = next(iter(specification.get("Containers") or []), {})
    source = container.get("ModelDataSource", {}).get("S3DataSource", {})
    config = {
        "S3Uri": container.get("ModelDataUrl") or source.get("S3Uri"),
        "DataInputConfig": container.get("ModelInput", {}).get("DataInputConfig"),
        "Framework": (container.get("Framework") or "").upper(),
        "FrameworkVersion": container.get("FrameworkVersion"),
    }
    for member, where in (("S3Uri", "ModelDataUrl"), ("Framework", "Framework")):
        if not config[member]:
            raise errors.validation(f"Model package {arn} cannot be compiled: its container has no {where}")
    return {name: value for name, value in config.items() if value}
