"""Everything the S3 API says about an account, as plain data: equal before and after a restart."""

import hashlib
from collections.abc import Callable
from typing import Any

CONFIGURATIONS = (
    *("versioning", "tagging", "policy", "cors", "encryption", "lifecycle_configuration", "acl", "website"),
    *("notification_configuration", "logging", "ownership_controls", "accelerate_configuration", "location"),
    *("replication", "request_payment"),
)
OBJECT_FACTS = ("tagging", "acl", "legal_hold", "retention")


def attempt(call: Callable[..., Any], **arguments: Any) -> Any:
    """The answer, or the refusal's text: that a configuration is missing is part of the state too."""
    try:
        return {k: v for k, v in call(**arguments).items() if k != "ResponseMetadata"}
    except Exception as error:
        return str(error)


def dump(s3: Any) -> dict[Any, Any]:
    """Facts by (bucket, what)."""
    facts: dict[Any, Any] = {}
    for bucket in s3.list_buckets()["Buckets"]:
        name = bucket["Name"]
        facts[name, "created"] = bucket["CreationDate"]
        for what in CONFIGURATIONS:
            facts[name, what] = attempt(getattr(s3, f"get_bucket_{what}"), Bucket=name)
        facts[name, "lock"] = attempt(s3.get_object_lock_configuration, Bucket=name)
        facts[name, "block"] = attempt(s3.get_public_access_block, Bucket=name)
        facts[name, "inventory"] = attempt(s3.list_bucket_inventory_configurations, Bucket=name)
        page = s3.list_object_versions(Bucket=name)
        for marker in page.get("DeleteMarkers", []):
            facts[name, "marker", marker["Key"], marker["VersionId"]] = (marker["IsLatest"], marker["LastModified"])
        for version in page.get("Versions", []):
            facts[name, version["Key"], version["VersionId"]] = _object(s3, name, version)
        for upload in s3.list_multipart_uploads(Bucket=name).get("Uploads", []):
            place = {"Bucket": name, "Key": upload["Key"], "UploadId": upload["UploadId"]}
            facts[name, "upload", upload["UploadId"]] = attempt(s3.list_parts, **place)
    return facts


def _object(s3: Any, bucket: str, version: dict[str, Any]) -> tuple[Any, ...]:
    place = {"Bucket": bucket, "Key": version["Key"]}
    if version["VersionId"] != "null":
        place["VersionId"] = version["VersionId"]
    answer = s3.get_object(ChecksumMode="ENABLED", **place)
    body = hashlib.md5(answer.pop("Body").read()).hexdigest()
    del answer["ResponseMetadata"]
    more = [attempt(getattr(s3, f"get_object_{fact}"), **place) for fact in OBJECT_FACTS]
    return (version["IsLatest"], version["ETag"], version["LastModified"], body, answer, *more)
