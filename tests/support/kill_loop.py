"""Users of S3 who remember what was acknowledged, for a server that is killed under them.

A call that got no answer may have happened or not, but entirely: afterwards the server has to say what the actor
remembers without that call, or with it. Each actor has keys of its own.
"""

import hashlib
import os
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

SHARED, VERSIONED = "shared-b", "versioned-b"
SIZES = (10, 1000, 30_000, 100_000, 1_500_000)
KINDS = (
    *("put", "put", "put", "delete", "delete_many", "copy", "tag", "acl", "bucket", "website"),
    *("version", "version", "marker", "purge", "upload", "part", "abort", "complete"),
)

State = dict[tuple[str, ...], Any]
"""Memory, by ("key", name), ("version", name, id), ("upload", id), ("part", id, n), ("bucket", name)"""


def digest(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def prepare(s3: Any) -> None:
    for bucket in (SHARED, VERSIONED):
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=VERSIONED, VersioningConfiguration={"Status": "Enabled"})


@dataclass
class Step:
    """One call, and what it changes in the actor's memory, given its answer."""

    call: Callable[[], Any]
    change: Callable[[State, Any], None]
    wild: Callable[[State, State], Any] | None = None  # (seen, remembered) -> an answer that would explain what is seen


@dataclass
class Actor:
    number: int
    random: random.Random
    state: State = field(default_factory=dict)
    doubt: Step | None = None  # the call that got no answer
    acknowledged: int = 0

    def run(self, s3: Any, stop: threading.Event) -> None:
        """Makes random calls until the server is gone."""
        self.doubt = None
        while not stop.is_set():
            step = getattr(self, "_" + self.random.choice(KINDS))(s3)
            if step is not None:
                self.doubt = step
                step.change(self.state, step.call())
                self.doubt, self.acknowledged = None, self.acknowledged + 1

    def differences(self, s3: Any) -> State:
        """What the server says otherwise than remembered; {} when nothing was lost. Adopts what it says."""
        seen = see(s3, self.number)
        wrong = _differ(seen, self.state)
        if wrong and self.doubt is not None:
            answer = self.doubt.wild(seen, self.state) if self.doubt.wild else None
            self.doubt.change(self.state, answer)
            wrong = _differ(seen, self.state)
        self.state = seen
        return wrong

    # one method for each kind of call; None when there is nothing to do it to

    def _name(self) -> str:
        return f"t{self.number}/{self.random.randrange(12)}"

    def _body(self) -> bytes:
        return os.urandom(self.random.choice(SIZES))

    def _some(self, kind: str) -> tuple[str, ...] | None:
        found = sorted(key for key in self.state if key[0] == kind)
        return self.random.choice(found) if found else None

    def _put(self, s3: Any) -> Step:
        name, body, stamp = self._name(), self._body(), str(self.random.random())
        more = {"Metadata": {"s": stamp}, "Tagging": f"p={stamp}"}
        value = (digest(body), stamp, stamp, 1)
        return Step(lambda: s3.put_object(Bucket=SHARED, Key=name, Body=body, **more), _sets(("key", name), value))

    def _delete(self, s3: Any) -> Step:
        name = self._name()
        return Step(lambda: s3.delete_object(Bucket=SHARED, Key=name), _sets(("key", name), None))

    def _delete_many(self, s3: Any) -> Step:
        name = self._name()
        objects = {"Objects": [{"Key": name}]}
        return Step(lambda: s3.delete_objects(Bucket=SHARED, Delete=objects), _sets(("key", name), None))

    def _copy(self, s3: Any) -> Step | None:
        if (source := self._some("key")) is None or self.state[source][2] is None:
            return None  # of a source without tags: moto would leave those of the key that is overwritten
        name, value = f"t{self.number}/c{self.random.randrange(4)}", self.state[source]
        place = {"Bucket": SHARED, "Key": name, "CopySource": f"{SHARED}/{source[1]}"}
        return (
            Step(lambda: s3.copy_object(**place), _sets(("key", name), (*value[:3], 1))) if name != source[1] else None
        )

    def _tag(self, s3: Any) -> Step | None:
        if (key := self._some("key")) is None:
            return None
        stamp, value = str(self.random.random()), self.state[key]
        tags = {"TagSet": [{"Key": "p", "Value": stamp}]}
        after = (value[0], value[1], stamp, value[3])
        return Step(lambda: s3.put_object_tagging(Bucket=SHARED, Key=key[1], Tagging=tags), _sets(key, after))

    def _acl(self, s3: Any) -> Step | None:
        if (key := self._some("key")) is None:
            return None
        after = (*self.state[key][:3], 2)
        return Step(lambda: s3.put_object_acl(Bucket=SHARED, Key=key[1], ACL="public-read"), _sets(key, after))

    def _version(self, s3: Any) -> Step:
        name, body = self._name(), self._body()
        return self._new_version(lambda: s3.put_object(Bucket=VERSIONED, Key=name, Body=body), name, digest(body))

    def _marker(self, s3: Any) -> Step | None:
        if (version := self._some("version")) is None:
            return None
        return self._new_version(lambda: s3.delete_object(Bucket=VERSIONED, Key=version[1]), version[1], "marker")

    def _new_version(self, call: Callable[[], Any], name: str, value: str) -> Step:
        def change(state: State, answer: Any) -> None:
            state["version", name, answer["VersionId"]] = value

        def wild(seen: State, remembered: State) -> Any:
            new = [k[2] for k, v in seen.items() if k[:2] == ("version", name) and v == value and k not in remembered]
            return {"VersionId": new[0] if len(new) == 1 else "none"}

        return Step(call, change, wild)

    def _purge(self, s3: Any) -> Step | None:
        if (version := self._some("version")) is None:
            return None
        place = {"Bucket": VERSIONED, "Key": version[1], "VersionId": version[2]}
        return Step(lambda: s3.delete_object(**place), _sets(version, None))

    def _upload(self, s3: Any) -> Step | None:
        if len([key for key in self.state if key[0] == "upload"]) >= 3:
            return None
        name = f"t{self.number}/m{self.random.randrange(3)}"

        def change(state: State, answer: Any) -> None:
            state["upload", answer["UploadId"]] = name

        def wild(seen: State, remembered: State) -> Any:
            new = [k[1] for k in seen if k[0] == "upload" and k not in remembered]
            return {"UploadId": new[0] if len(new) == 1 else "none"}

        return Step(lambda: s3.create_multipart_upload(Bucket=SHARED, Key=name), change, wild)

    def _part(self, s3: Any) -> Step | None:
        if (upload := self._some("upload")) is None:
            return None
        number, body = self.random.randrange(1, 4), self._body()
        place = {"Bucket": SHARED, "Key": self.state[upload], "UploadId": upload[1], "PartNumber": number}
        return Step(lambda: s3.upload_part(**place, Body=body), _sets(("part", upload[1], str(number)), digest(body)))

    def _abort(self, s3: Any) -> Step | None:
        if (upload := self._some("upload")) is None:
            return None
        place = {"Bucket": SHARED, "Key": self.state[upload], "UploadId": upload[1]}
        return Step(lambda: s3.abort_multipart_upload(**place), lambda state, _: _end(state, upload[1]))

    def _complete(self, s3: Any) -> Step | None:
        if (part := self._some("part")) is None:
            return None
        name, content = self.state["upload", part[1]], self.state[part]
        parts = {"Parts": [{"PartNumber": int(part[2]), "ETag": content}]}
        place = {"Bucket": SHARED, "Key": name, "UploadId": part[1]}

        def change(state: State, _: Any) -> None:
            _end(state, part[1])
            state["key", name] = (content, None, None, 0)

        return Step(lambda: s3.complete_multipart_upload(**place, MultipartUpload=parts), change)

    def _bucket(self, s3: Any) -> Step:
        name = f"own-{self.number}-{self.random.randrange(3)}"
        if ("bucket", name) in self.state:
            return Step(lambda: s3.delete_bucket(Bucket=name), _sets(("bucket", name), None))
        return Step(lambda: s3.create_bucket(Bucket=name), _sets(("bucket", name), ""))

    def _website(self, s3: Any) -> Step | None:
        if (bucket := self._some("bucket")) is None:
            return None
        stamp = str(self.random.random())
        page = {"IndexDocument": {"Suffix": stamp}}
        call = lambda: s3.put_bucket_website(Bucket=bucket[1], WebsiteConfiguration=page)  # noqa: E731
        return Step(call, _sets(bucket, stamp))


def _sets(key: tuple[str, ...], value: Any) -> Callable[[State, Any], None]:
    def change(state: State, _: Any) -> None:
        if value is None:
            state.pop(key, None)
        else:
            state[key] = value

    return change


def _end(state: State, upload: str) -> None:
    for key in [key for key in state if key[0] in ("upload", "part") and key[1] == upload]:
        del state[key]


def _differ(seen: State, remembered: State) -> State:
    keys = seen.keys() | remembered.keys()
    return {key: (seen.get(key), remembered.get(key)) for key in keys if seen.get(key) != remembered.get(key)}


def see(s3: Any, number: int) -> State:
    """An actor's part of what the server has."""
    prefix, state = f"t{number}/", State()
    for item in s3.list_objects_v2(Bucket=SHARED, Prefix=prefix).get("Contents", []):
        state["key", item["Key"]] = _key(s3, item["Key"])
    page = s3.list_object_versions(Bucket=VERSIONED, Prefix=prefix)
    assert not page["IsTruncated"]
    for item in page.get("Versions", []):
        place = {"Bucket": VERSIONED, "Key": item["Key"], "VersionId": item["VersionId"]}
        state["version", item["Key"], item["VersionId"]] = digest(s3.get_object(**place)["Body"].read())
    for item in page.get("DeleteMarkers", []):
        state["version", item["Key"], item["VersionId"]] = "marker"
    for item in s3.list_multipart_uploads(Bucket=SHARED).get("Uploads", []):
        if item["Key"].startswith(prefix):
            upload = item["UploadId"]
            state["upload", upload] = item["Key"]
            for part in s3.list_parts(Bucket=SHARED, Key=item["Key"], UploadId=upload).get("Parts", []):
                state["part", upload, str(part["PartNumber"])] = part["ETag"].strip('"')
    for bucket in s3.list_buckets()["Buckets"]:
        if bucket["Name"].startswith(f"own-{number}-"):
            state["bucket", bucket["Name"]] = _website(s3, bucket["Name"])
    return state


def _key(s3: Any, name: str) -> tuple[Any, ...]:
    place = {"Bucket": SHARED, "Key": name}
    answer = s3.get_object(**place)
    tags = s3.get_object_tagging(**place)["TagSet"]
    try:
        grants = len(s3.get_object_acl(**place)["Grants"])
    except s3.exceptions.ClientError:  # moto answers 500 after a multipart upload without an ACL
        grants = 0
    return digest(answer["Body"].read()), answer["Metadata"].get("s"), tags[0]["Value"] if tags else None, grants


def _website(s3: Any, bucket: str) -> str:
    try:
        return str(s3.get_bucket_website(Bucket=bucket)["IndexDocument"]["Suffix"])
    except s3.exceptions.ClientError:
        return ""
