"""One of everything that S3 can hold."""

import json
import os
from dataclasses import dataclass
from datetime import datetime
from typing import Any

PART = os.urandom(5 << 20)
PLAIN = {"Bucket": "plain-b"}


@dataclass
class Open:
    """A multipart upload under way, for the test to finish after the restart."""

    upload_id: str
    etags: list[str]

    @property
    def parts(self) -> dict[str, Any]:
        return {"Parts": [{"PartNumber": n, "ETag": etag} for n, etag in enumerate(self.etags, 1)]}


def build(s3: Any, tagging: Any) -> Open:
    """Fills an empty account; `tagging` is a resourcegroupstaggingapi client."""
    _buckets(s3)
    _objects(s3)
    _versions_and_locks(s3)
    tagging.tag_resources(ResourceARNList=["arn:aws:s3:::west-b"], Tags={"rgta": "1", "rm": "2"})
    tagging.untag_resources(ResourceARNList=["arn:aws:s3:::west-b"], TagKeys=["rm"])
    return _uploads(s3)


def _buckets(s3: Any) -> None:
    s3.create_bucket(**PLAIN)
    s3.create_bucket(Bucket="gone-b")
    s3.delete_bucket(Bucket="gone-b")
    s3.create_bucket(Bucket="lock-b", ObjectLockEnabledForBucket=True)
    s3.create_bucket(Bucket="west-b", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_tagging(**PLAIN, Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    s3.put_bucket_policy(**PLAIN, Policy=json.dumps({"Version": "2012-10-17", "Statement": []}))
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}
    s3.put_bucket_cors(**PLAIN, CORSConfiguration={"CORSRules": [rule]})
    key = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "k1"}
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": key}]}
    s3.put_bucket_encryption(**PLAIN, ServerSideEncryptionConfiguration=rules)
    life = {"ID": "r", "Filter": {"Prefix": "x/"}, "Status": "Enabled", "Expiration": {"Days": 3}}
    s3.put_bucket_lifecycle_configuration(**PLAIN, LifecycleConfiguration={"Rules": [life]})
    s3.put_bucket_acl(**PLAIN, ACL="public-read")
    s3.put_bucket_website(**PLAIN, WebsiteConfiguration={"IndexDocument": {"Suffix": "i.html"}})
    events = {"EventBridgeConfiguration": {}}
    s3.put_bucket_notification_configuration(**PLAIN, NotificationConfiguration=events)
    owners = {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
    s3.put_bucket_ownership_controls(**PLAIN, OwnershipControls=owners)
    s3.put_bucket_accelerate_configuration(**PLAIN, AccelerateConfiguration={"Status": "Enabled"})
    s3.put_public_access_block(**PLAIN, PublicAccessBlockConfiguration={"BlockPublicAcls": False})
    s3.put_bucket_versioning(Bucket="west-b", VersioningConfiguration={"Status": "Enabled"})
    inventory = {
        "Id": "i",
        "IsEnabled": True,
        "IncludedObjectVersions": "All",
        "Schedule": {"Frequency": "Daily"},
        "Destination": {"S3BucketDestination": {"Bucket": "arn:aws:s3:::west-b", "Format": "CSV"}},
    }
    s3.put_bucket_inventory_configuration(**PLAIN, Id="i", InventoryConfiguration=inventory)


def _objects(s3: Any) -> None:
    kind = {"ContentType": "text/plain", "Tagging": "t=1", "ACL": "public-read"}
    s3.put_object(**PLAIN, Key="small", Body=b"hello", Metadata={"a": "b"}, **kind)
    s3.put_object(**PLAIN, Key="dir/a b+c%2Fé ü", Body=b"u", CacheControl="no-cache", ChecksumAlgorithm="SHA256")
    s3.put_object(**PLAIN, Key="empty", Body=b"")
    s3.put_object(**PLAIN, Key="n" * 1024, Body=b"long name")
    kms = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/x", "StorageClass": "STANDARD_IA"}
    s3.put_object(**PLAIN, Key="big", Body=os.urandom(3_000_000), **kms)
    s3.put_object(**PLAIN, Key="cold", Body=b"cold", StorageClass="GLACIER")
    s3.restore_object(**PLAIN, Key="cold", RestoreRequest={"Days": 2})
    s3.copy_object(**PLAIN, Key="copied", CopySource="plain-b/big")
    replaced = {"MetadataDirective": "REPLACE", "Metadata": {"z": "y"}, "TaggingDirective": "COPY"}
    s3.copy_object(**PLAIN, Key="replaced", CopySource="plain-b/small", **replaced)
    s3.put_object_acl(**PLAIN, Key="copied", ACL="authenticated-read")
    for i in range(4):
        s3.put_object(**PLAIN, Key=f"del{i}", Body=b"d")
    s3.delete_objects(**PLAIN, Delete={"Objects": [{"Key": f"del{i}"} for i in range(3)]})


def _versions_and_locks(s3: Any) -> None:
    for i in range(3):
        s3.put_object(Bucket="west-b", Key="v", Body=b"%d" % i * 40_000)
    s3.delete_object(Bucket="west-b", Key="v")
    first = s3.list_object_versions(Bucket="west-b")["Versions"][-1]["VersionId"]
    tags = {"TagSet": [{"Key": "q", "Value": "w"}]}
    s3.put_object_tagging(Bucket="west-b", Key="v", VersionId=first, Tagging=tags)
    default = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    lock = {"ObjectLockEnabled": "Enabled", "Rule": default}
    s3.put_object_lock_configuration(Bucket="lock-b", ObjectLockConfiguration=lock)
    until = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": datetime(2031, 1, 1)}
    s3.put_object(Bucket="lock-b", Key="l", Body=b"locked", **until)
    s3.put_object(Bucket="lock-b", Key="h", Body=b"hold")
    s3.put_object_legal_hold(Bucket="lock-b", Key="h", LegalHold={"Status": "ON"})


def _uploads(s3: Any) -> Open:
    for key in ("done", "open"):
        more = {"Metadata": {"m": "p"}, "Tagging": "x=y"}
        upload = s3.create_multipart_upload(**PLAIN, Key=key, **more)["UploadId"]
        place = {**PLAIN, "Key": key, "UploadId": upload}
        under_way = Open(upload, [s3.upload_part(**place, PartNumber=n, Body=PART)["ETag"] for n in (1, 2)])
        if key == "done":
            s3.complete_multipart_upload(**place, MultipartUpload=under_way.parts)
    aborted = s3.create_multipart_upload(**PLAIN, Key="aborted")["UploadId"]
    s3.upload_part(**PLAIN, Key="aborted", UploadId=aborted, PartNumber=1, Body=b"z")
    s3.abort_multipart_upload(**PLAIN, Key="aborted", UploadId=aborted)
    return under_way
