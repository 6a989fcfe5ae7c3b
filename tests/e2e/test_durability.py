"""`serve --data-dir`: what was acknowledged is there after SIGKILL; a reset is for ever; one server per folder."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support import s3_dump, s3_everything
from support.kept import Kept

ROLE = json.dumps({"Version": "2012-10-17", "Statement": []})
ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [ALLOW]})


def test_one_of_everything_is_the_same_after_a_kill(kept: Kept) -> None:
    under_way = s3_everything.build(kept.client("s3"), kept.client("resourcegroupstaggingapi"))
    before = s3_dump.dump(kept.client("s3"))
    kept.restart()
    s3 = kept.client("s3")
    assert s3_dump.dump(s3) == before
    assert len(before) > 70
    # and it is alive: an upload goes on, a lock still holds
    place = {"Bucket": "plain-b", "Key": "open"}
    s3.complete_multipart_upload(**place, UploadId=under_way.upload_id, MultipartUpload=under_way.parts)
    assert s3.get_object(**place)["Body"].read() == s3_everything.PART * 2
    version = s3.head_object(Bucket="lock-b", Key="l")["VersionId"]
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket="lock-b", Key="l", VersionId=version)
    with pytest.raises(ClientError, match="BucketAlready"):
        kept.client("s3", "eu-central-1").create_bucket(
            Bucket="plain-b", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )


def small_services(kept: Kept) -> dict[str, Any]:
    """What the services say of the things that `test_small_services...` makes."""
    iam, sagemaker = kept.client("iam"), kept.client("sagemaker")
    events, sns = kept.client("events"), kept.client("sns")
    answers = {
        "role": iam.get_role(RoleName="neo"),
        "policy": iam.get_role_policy(RoleName="neo", PolicyName="p"),
        "keys": iam.list_access_keys(UserName="u"),
        "group": sagemaker.describe_model_package_group(ModelPackageGroupName="group"),
        "rule": events.describe_rule(Name="jobs"),
        "targets": events.list_targets_by_rule(Rule="jobs"),
        "topics": sns.list_topics(),
        "subscriptions": sns.list_subscriptions(),
    }
    return {name: {k: v for k, v in answer.items() if k != "ResponseMetadata"} for name, answer in answers.items()}


def test_small_services_are_the_same_after_a_kill(kept: Kept) -> None:
    iam, events, sns = kept.client("iam"), kept.client("events"), kept.client("sns")
    iam.create_role(RoleName="neo", AssumeRolePolicyDocument=ROLE)
    iam.put_role_policy(RoleName="neo", PolicyName="p", PolicyDocument=POLICY)
    iam.create_user(UserName="u")
    iam.create_access_key(UserName="u")
    kept.client("sagemaker").create_model_package_group(ModelPackageGroupName="group")
    pattern = {"source": ["aws.sagemaker"], "detail": {"CompilationJobStatus": [{"prefix": "COMP"}]}}
    events.put_rule(Name="jobs", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="jobs", Targets=[{"Id": "1", "Arn": "arn:aws:sqs:us-east-1:123456789012:q"}])
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="a@b.example")
    before = small_services(kept)
    kept.restart()
    assert small_services(kept) == before


def test_a_reset_is_for_ever(kept: Kept, tmp_path: Path) -> None:
    s3 = kept.client("s3")
    s3.create_bucket(Bucket="soon-gone")
    s3.put_object(Bucket="soon-gone", Key="large", Body=bytes(1 << 20))
    s3.put_object(Bucket="soon-gone", Key="small", Body=b"1")
    kept.client("iam").create_role(RoleName="neo", AssumeRolePolicyDocument=ROLE)
    subprocess.run([sys.executable, "-c", RESET, kept.url], check=True)
    assert [path for path in (tmp_path / "data/moto/bodies").rglob("*") if path.is_file()] == []
    kept.restart()
    assert kept.client("s3").list_buckets()["Buckets"] == []
    assert kept.client("iam").list_roles()["Roles"] == []


RESET = "import sys, urllib.request as u; u.urlopen(u.Request(sys.argv[1] + '/_neo/reset', method='POST'))"


def test_orphans_are_swept_and_dropped_bodies_go(kept: Kept, tmp_path: Path) -> None:
    s3 = kept.client("s3")
    s3.create_bucket(Bucket="bodies")
    for content in (b"1", b"2"):
        s3.put_object(Bucket="bodies", Key="k", Body=content * 100_000)
    kept.kill()
    bodies = tmp_path / "data/moto/bodies"
    (bodies / "ab").mkdir(exist_ok=True)
    (bodies / "ab/abandoned").write_bytes(b"a crash between the file and its row")
    kept.start()
    assert kept.client("s3").get_object(Bucket="bodies", Key="k")["Body"].read() == b"2" * 100_000
    assert len([path for path in bodies.rglob("*") if path.is_file()]) == 1


def test_a_second_server_on_the_folder_is_refused(kept: Kept, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "neo_emulator", "serve", "--port", "0", "--data-dir", str(tmp_path / "data")]
    second = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert second.returncode == 1
    assert second.stderr.strip().endswith(f"the data folder {tmp_path / 'data'} is in use by another neo-emulator")
    kept.client("s3").list_buckets()


def test_a_damaged_folder_is_said_and_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data/moto"
    folder.mkdir(parents=True)
    (folder / "journal.sqlite").write_bytes(b"not a database " * 100)
    command = [sys.executable, "-m", "neo_emulator", "serve", "--port", "0", "--data-dir", str(tmp_path / "data")]
    server = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert server.returncode == 1
    assert "cannot read the data folder: file is not a database" in server.stderr
    assert (folder / "journal.sqlite").read_bytes().startswith(b"not a database")
