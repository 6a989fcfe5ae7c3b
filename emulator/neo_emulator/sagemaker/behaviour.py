"""The API's behaviour and how it is known: the rows of docs/api-behaviour.md.

recorded    seen in recordings or quoted responses of the service
documented  in the API reference, the developer guide or botocore's model
inferred    taken from sibling operations of SageMaker, or chosen; the service may differ
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Known(StrEnum):
    """How a behaviour is known; see the module's docstring."""

    RECORDED = "recorded"
    DOCUMENTED = "documented"
    INFERRED = "inferred"


@dataclass(frozen=True)
class Behaviour:
    """One behaviour that a client can observe."""

    operation: str
    what: str
    known: Known
    source: str
    test: str  # the file under tests/ that checks it


REF, RECORDING, MODEL = "API reference", "cloud-custodian recordings, 2024-04-16", "botocore's sagemaker model"
CREATE, DESCRIBE, LIST = "CreateCompilationJob", "DescribeCompilationJob", "ListCompilationJobs"
STOP, DELETE, EVERY = "StopCompilationJob", "DeleteCompilationJob", "every operation"
TAGS, TAGGING = "AddTags, ListTags, DeleteTags", "resourcegroupstaggingapi"
R, D, I = Known.RECORDED, Known.DOCUMENTED, Known.INFERRED  # noqa: E741
LIFE, REFUSALS, WIRE = "contract/test_life_cycle.py", "contract/test_refusals.py", "contract/test_wire.py"
PUBLIC, AWAY = "contract/test_public_s3.py", "contract/test_store_away.py"
LISTING, TAGS_TEST, CONTROL = "contract/test_listing.py", "contract/test_tags.py", "e2e/test_control.py"

ENDPOINTS, INVOKE, ENDPOINTS_TEST = "endpoints", "InvokeEndpoint", "e2e/test_endpoints.py"
ENDPOINTS_API = "contract/test_endpoints.py"
ENDPOINT_ROWS = (
    Behaviour(
        ENDPOINTS, "Those of models that were compiled here are real; all others are moto's", I, "ours", ENDPOINTS_TEST
    ),
    Behaviour("CreateEndpoint", "Creating, then InService, or Failed with a FailureReason", D, REF, ENDPOINTS_TEST),
    Behaviour(
        "CreateEndpoint", "A taken name is a ValidationException, and its text", R, "public issues", ENDPOINTS_API
    ),
    Behaviour("CreateEndpointConfig", "Every instance type of the model's enum", D, MODEL, ENDPOINTS_API),
    Behaviour(
        "DescribeEndpoint", "An unknown name is a ValidationException, and its text", R, "public issues", ENDPOINTS_API
    ),
    Behaviour(
        "DescribeEndpoint",
        "ProductionVariants while Creating: current weight and count are 0",
        I,
        "public issues",
        ENDPOINTS_API,
    ),
    Behaviour("ListEndpoints", "Newest first by default; filters and pages", D, REF, ENDPOINTS_API),
    Behaviour(
        "UpdateEndpoint", "What was in service answers until the new variants are loaded", D, REF, ENDPOINTS_TEST
    ),
    Behaviour(
        "UpdateEndpoint",
        "A failed update leaves the endpoint InService, with a FailureReason",
        I,
        "guide",
        ENDPOINTS_API,
    ),
    Behaviour("UpdateEndpointWeightsAndCapacities", "The texts of its errors", I, "moto 5.2", ENDPOINTS_TEST),
    Behaviour(INVOKE, "ValidationError for an unknown endpoint, and its text", R, "public issues", ENDPOINTS_TEST),
    Behaviour(INVOKE, "ValidationError for one that is not InService; the text is ours", I, "guide", ENDPOINTS_TEST),
    Behaviour(
        INVOKE,
        "A body of more than 6291456 bytes is a ValidationError",
        D,
        "botocore's sagemaker-runtime",
        ENDPOINTS_TEST,
    ),
    Behaviour(
        INVOKE,
        "ModelError: 424, OriginalStatusCode, OriginalMessage, LogStreamArn, and its text",
        R,
        "public issues",
        ENDPOINTS_TEST,
    ),
    Behaviour(
        INVOKE,
        "A model slower than 60 s is a ModelError with status 0, and its text",
        R,
        "RamVegiraju/SageMaker-Deployment#3",
        ENDPOINTS_API,
    ),
    Behaviour(
        INVOKE, "CustomAttributes are returned only by a model that sets them: none here does", D, MODEL, ENDPOINTS_TEST
    ),
    Behaviour(
        INVOKE,
        "XGBOOST: csv and libsvm in, csv out, the texts of refusals",
        R,
        "neo-ai-dlr's container",
        ENDPOINTS_TEST,
    ),
    Behaviour(
        INVOKE,
        "Other frameworks without a script: JSON, npy, npz, csv",
        I,
        "SageMaker's inference toolkits",
        ENDPOINTS_TEST,
    ),
    Behaviour(INVOKE, "TensorFlow Serving's REST form, for every framework", D, "TensorFlow Serving", ENDPOINTS_TEST),
    Behaviour("EventBridge", "SageMaker Endpoint State Change; IN_SERVICE", D, "developer guide", ENDPOINTS_TEST),
    Behaviour(
        "CloudWatch Logs", "/aws/sagemaker/Endpoints/NAME, streams VARIANT/i-...", D, "developer guide", ENDPOINTS_TEST
    ),
)

CREATE_TRANSFORM, TRANSFORM = "CreateTransformJob", "transform jobs"
TRANSFORMS_TEST, TRANSFORMS_API = "e2e/test_transforms.py", "contract/test_transforms.py"
JSON_PATH_TEST = "unit/neo_workers/transform/test_json_path.py"
TRANSFORM_ROWS = (
    Behaviour(TRANSFORM, "Those of compiled models are real; all others are moto's", I, "ours", TRANSFORMS_TEST),
    Behaviour(CREATE_TRANSFORM, "The text for an input without objects", R, "sagemaker-examples#2414", TRANSFORMS_API),
    Behaviour(CREATE_TRANSFORM, "A taken name is ResourceInUse; its text", I, "processing jobs", TRANSFORMS_API),
    Behaviour(CREATE_TRANSFORM, "MaxPayloadInMB * MaxConcurrentTransforms is at most 100", D, REF, TRANSFORMS_API),
    Behaviour(CREATE_TRANSFORM, "An operator that filters do not have, and the text", R, "aws-sdk#184", JSON_PATH_TEST),
    Behaviour(CREATE_TRANSFORM, "A filter's slice excludes its end; the guide says both", I, "guide", JSON_PATH_TEST),
    Behaviour(TRANSFORM, "KEY.out, if all records of an object succeed; others go on", D, REF, TRANSFORMS_TEST),
    Behaviour(TRANSFORM, "FailureReason: See job logs ...", R, "public repositories", TRANSFORMS_TEST),
    Behaviour(TRANSFORM, "AssembleWith Line adds no line end where there is one", I, "ours", TRANSFORMS_TEST),
    Behaviour(TRANSFORM, "The log's lines", R, "sagemaker-examples#1620", TRANSFORMS_TEST),
    Behaviour(
        "DescribeTransformJob", "An unknown name is a ValidationException", D, "botocore's waiter", TRANSFORMS_API
    ),
    Behaviour("StopTransformJob", "The text for a job that has ended", R, "public repositories", TRANSFORMS_API),
    Behaviour("EventBridge", "SageMaker Transform Job State Change; Completed", D, "guide", TRANSFORMS_TEST),
)

TABLE = (
    Behaviour(
        CREATE, "Returns CompilationJobArn immediately; the job is STARTING, then INPROGRESS", R, RECORDING, LIFE
    ),
    Behaviour(CREATE, "A name in use is ResourceInUse", D, MODEL, REFUSALS),
    Behaviour(CREATE, "The text of ResourceInUse", I, "moto 5.2", REFUSALS),
    Behaviour(CREATE, "Too many active jobs are ResourceLimitExceeded (a setting, off by default)", D, MODEL, REFUSALS),
    Behaviour(CREATE, "InputConfig and ModelPackageVersionArn exclude each other", D, REF, REFUSALS),
    Behaviour(CREATE, "TargetDevice and TargetPlatform exclude each other", D, REF, REFUSALS),
    Behaviour(CREATE, "FrameworkVersion only for some devices, and the text", R, "sagemaker-examples#3239", REFUSALS),
    Behaviour(CREATE, "Os, Arch and Accelerator must be a pair of the guide's table", D, "developer guide", REFUSALS),
    Behaviour(CREATE, "gpu-code is required for NVIDIA", D, REF, REFUSALS),
    Behaviour(CREATE, "An unknown model package is refused by Create", I, "CreateModel", LIFE),
    Behaviour(CREATE, "A role that cannot be assumed is refused (opt-in)", I, "CreateModel", "contract/test_auth.py"),
    Behaviour(
        EVERY, "Constraint errors: 'N validation errors detected: Value ...'", R, "sdk#384, zenml#1502", REFUSALS
    ),
    Behaviour(EVERY, "The order of several constraint errors is the model's", I, "AWS's own is not stable", REFUSALS),
    Behaviour(EVERY, "Errors are HTTP 400 with __type, x-amzn-errortype, x-amzn-requestid", D, "awsJson1_1", WIRE),
    Behaviour(EVERY, "A body that is not JSON is a SerializationException", D, "awsJson1_1", WIRE),
    Behaviour(EVERY, "The texts of SerializationException", I, "AWS's Java services", WIRE),
    Behaviour(EVERY, "Only POST reaches an operation, whatever the Content-Type", I, "unsigned curl", WIRE),
    Behaviour(EVERY, "An incomplete request changes nothing", D, "RFC 9112", WIRE),
    Behaviour(EVERY, "An unknown operation is an UnknownOperationException, never HTML", D, "Common Errors", WIRE),
    Behaviour(DESCRIBE, "Members without a value are absent, FailureReason and ModelArtifacts too", R, RECORDING, LIFE),
    Behaviour(DESCRIBE, "CreationTime has milliseconds, the other times whole seconds", R, RECORDING, LIFE),
    Behaviour(DESCRIBE, "LastModifiedTime is the last change of status", R, RECORDING, LIFE),
    Behaviour(DESCRIBE, "The members of the request are returned verbatim", R, RECORDING, LIFE),
    Behaviour(DESCRIBE, "InferenceImage for cloud targets, from the start", R, RECORDING, LIFE),
    Behaviour(DESCRIBE, "CompilationStartTime is absent while STARTING", I, "INPROGRESS recordings", LIFE),
    Behaviour(DESCRIBE, "ArtifactDigest is BLAKE2b of the archive", D, REF, "e2e/test_jobs.py"),
    Behaviour(DESCRIBE, "DerivedInformation when the shapes were derived", D, REF, "e2e/test_jobs.py"),
    Behaviour(
        DESCRIBE, "FailureReason: Neo's texts, at most 1024 characters", R, "troubleshooting guide", "e2e/test_jobs.py"
    ),
    Behaviour(DESCRIBE, "MaxRuntimeInSeconds ends the job FAILED with TimeOut", D, REF, "e2e/test_jobs.py"),
    Behaviour(DESCRIBE, "The text of the TimeOut reason", I, "none public", "e2e/test_jobs.py"),
    Behaviour(DESCRIBE, "An unknown name is ResourceNotFound", D, MODEL, REFUSALS),
    Behaviour(LIST, "Sorted by CreationTime, ascending by default", D, REF, LISTING),
    Behaviour(LIST, "Pages of 100 without MaxResults", I, "moto 5.2", LISTING),
    Behaviour(LIST, "Time ranges include their ends", I, "not documented", LISTING),
    Behaviour(LIST, "A token of another query or region is a ValidationException", I, "not documented", LISTING),
    Behaviour(STOP, "STOPPING immediately, then STOPPED; no artifact", R, RECORDING, "e2e/test_jobs.py"),
    Behaviour(STOP, "A job that has ended is a ValidationException", I, "StopTrainingJob", REFUSALS),
    Behaviour(STOP, "Stopping twice is not an error", I, "StopTrainingJob", LIFE),
    Behaviour(DELETE, "Only COMPLETED, FAILED and STOPPED jobs; the artifact stays", D, REF, LIFE),
    Behaviour(DELETE, "Another status is a ValidationException", I, "not documented", LIFE),
    Behaviour(TAGS, "AddTags overwrites a key", D, REF, TAGS_TEST),
    Behaviour(TAGS, "A job has at most 50 tags; one more is a ValidationException", I, "developer guide", TAGS_TEST),
    Behaviour(TAGS, "An ARN without a job is a ValidationException", I, "no modelled error", TAGS_TEST),
    Behaviour(TAGGING, "Jobs are found by tag, type and ARN, tagged and untagged", D, REF, "contract/test_tagging.py"),
    Behaviour(
        "CloudWatch Logs", "/aws/sagemaker/CompilationJobs, a stream per job", D, "developer guide", "e2e/test_feeds.py"
    ),
    Behaviour("CloudWatch Logs", "The text of the lines", I, "ours", "e2e/test_feeds.py"),
    Behaviour(
        "S3, NEO_EMULATOR_AUTH=sigv4",
        "What ACLs and policies grant to everyone needs no signature",
        D,
        "user guide",
        PUBLIC,
    ),
    Behaviour(
        "S3, NEO_EMULATOR_AUTH=sigv4", "Presigned URLs of Signature Version 2 and 4 verify", D, "user guide", PUBLIC
    ),
    Behaviour(EVERY, "If the store is unavailable for 2 s: 503, which SDKs retry", I, "ours", AWAY),
    Behaviour(
        "EventBridge",
        "SageMaker Compilation Job State Change from aws.sagemaker",
        R,
        "consumers' rules",
        "e2e/test_feeds.py",
    ),
    Behaviour(
        "EventBridge",
        "The casing of the status (a setting) and the detail's members",
        I,
        "consumers",
        "e2e/test_feeds.py",
    ),
    *ENDPOINT_ROWS,
    *TRANSFORM_ROWS,
)


def markdown() -> str:
    """The text of docs/api-behaviour.md."""
    rows = ["| operation | behaviour | known | source | checked by |", "|---|---|---|---|---|"]
    rows += [f"| {b.operation} | {b.what} | {b.known} | {b.source} | `tests/{b.test}` |" for b in TABLE]
    head = (
        "# How the API behaves, and how that is known\n\n"
        "Written by `python tests/unit/neo_emulator/sagemaker/test_behaviour.py`"
    )
    head += " from `neo_emulator/sagemaker/behaviour.py`.\n"
    head += "*recorded*: seen in recordings or quoted responses. *documented*: in the"
    head += (
        " API reference, the guide or botocore's model.\n*inferred*: from sibling operations, or chosen; the service"
    )
    return f"{head} may differ.\n\n" + "\n".join(rows) + "\n"
