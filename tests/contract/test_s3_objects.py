"""S3's objects: whole under concurrency, and refused where a digest does not match."""

import base64
import hashlib
import threading
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from neo_emulator.aws.s3.checksums import DIGESTS

SIGNED = "AWS4-HMAC-SHA256 Credential=AKID/20240101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
BODY = b"hello\n"
Curl = Callable[..., Any]


@pytest.fixture
def bucket(client: Any) -> Any:
    s3 = client("s3")
    s3.create_bucket(Bucket="models")
    return s3


@pytest.fixture
def put(bucket: Any, curl: Curl) -> Callable[..., tuple[int, str, bytes]]:
    """PUTs an object and returns status, the error's code and the whole answer."""

    def send(headers: dict[str, str], body: bytes = BODY) -> tuple[int, str, bytes]:
        answer = curl("PUT", "/models/key", body, {"Authorization": SIGNED, **headers})
        return answer.status, answer.body.partition(b"<Code>")[2].partition(b"<")[0].decode(), answer.body

    return send


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_the_last_writer_wins_and_readers_see_one_whole_version(bucket: Any, client: Any) -> None:
    size, rounds = 1 << 20, 8
    bucket.put_object(Bucket="models", Key="k", Body=bytes([0]) * size)
    done = threading.Event()

    def read(_: int) -> int:
        s3, seen = client("s3"), 0
        while not done.is_set():
            data = s3.get_object(Bucket="models", Key="k")["Body"].read()
            assert len(data) == size
            assert data == data[:1] * size
            seen += 1
        return seen

    def write(number: int) -> None:
        s3 = client("s3")
        for turn in range(rounds):
            s3.put_object(Bucket="models", Key="k", Body=bytes([1 + number * rounds + turn]) * size)

    with ThreadPoolExecutor(11) as pool:
        readers = [pool.submit(read, number) for number in range(3)]
        try:
            for writing in [pool.submit(write, number) for number in range(8)]:
                writing.result()
        finally:
            done.set()
        assert all(reader.result() > 0 for reader in readers)
    assert bucket.get_object(Bucket="models", Key="k")["Body"].read()[0] % rounds == 0  # the last of some writer


def test_large_objects_are_read_while_they_are_overwritten(bucket: Any, client: Any) -> None:
    size = 6 << 20  # on disk
    bucket.put_object(Bucket="models", Key="k", Body=b"a" * size)
    body = bucket.get_object(Bucket="models", Key="k")["Body"]
    first = body.read(1000)
    client("s3").put_object(Bucket="models", Key="k", Body=b"b" * size)
    assert first + body.read() == b"a" * size
    ranged = bucket.get_object(Bucket="models", Key="k", Range="bytes=1-3")["Body"].read()
    assert ranged == b"bbb"
    bucket.delete_object(Bucket="models", Key="k")
    with pytest.raises(bucket.exceptions.NoSuchKey):
        bucket.get_object(Bucket="models", Key="k")


@pytest.mark.parametrize("name", sorted(DIGESTS))
def test_checksums(put: Any, bucket: Any, name: str) -> None:
    header, right = f"x-amz-checksum-{name.lower()}", DIGESTS[name](BODY)
    assert put({header: b64(right)})[0] == 200
    told = bucket.head_object(Bucket="models", Key="key", ChecksumMode="ENABLED")
    assert told[f"Checksum{name}"] == b64(right)
    wrong = bytes(len(right))
    status, code, body = put({header: b64(wrong)})
    assert (status, code) == (400, "BadDigest")
    assert f"The {name} you specified did not match the calculated checksum." in body.decode()
    assert put({header: "nonsense"})[:2] == (400, "InvalidRequest")
    assert put({header: b64(right), "x-amz-sdk-checksum-algorithm": "MD5"})[:2] == (400, "InvalidRequest")


@pytest.mark.parametrize("name", sorted(DIGESTS))
def test_checksums_in_trailers(put: Any, bucket: Any, name: str) -> None:
    header, right = f"x-amz-checksum-{name.lower()}", DIGESTS[name](BODY)
    headers = {
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": str(len(BODY)),
        "x-amz-trailer": header,
        "Content-Encoding": "aws-chunked",
    }

    def chunked(checksum: bytes) -> bytes:
        return b"3\r\nhel\r\n3\r\nlo\n\r\n0\r\n" + f"{header}:{b64(checksum)}\r\n\r\n".encode()

    assert put(headers, chunked(right))[0] == 200
    got = bucket.get_object(Bucket="models", Key="key", ChecksumMode="ENABLED")
    assert (got["Body"].read(), got[f"Checksum{name}"]) == (BODY, b64(right))
    assert not got.get("ContentEncoding")
    assert put(headers, chunked(bytes(len(right))))[:2] == (400, "BadDigest")
    assert put(headers, b"6\r\nhello\n\r\n0\r\n\r\n")[:2] == (400, "MalformedTrailerError")
    assert put(headers, b"7\r\nhello\n\r\n0\r\n\r\n")[:2] == (400, "IncompleteBody")
    assert put(headers, b"6\r\nhello\n")[:2] == (400, "IncompleteBody")
    assert put(headers, b"zz")[:2] == (400, "IncompleteBody")
    assert put({**headers, "x-amz-decoded-content-length": "7"}, chunked(right))[:2] == (400, "IncompleteBody")


def test_digests_of_the_body(put: Any) -> None:
    right = hashlib.md5(BODY).digest()
    assert put({"Content-MD5": b64(right)})[0] == 200
    assert put({"Content-MD5": b64(bytes(16))})[:2] == (400, "BadDigest")
    assert put({"Content-MD5": "nonsense"})[:2] == (400, "InvalidDigest")
    assert put({"x-amz-content-sha256": hashlib.sha256(BODY).hexdigest()})[0] == 200
    assert put({"x-amz-content-sha256": hashlib.sha256(b"x").hexdigest()})[:2] == (400, "XAmzContentSHA256Mismatch")
    two = {"x-amz-checksum-crc32": b64(DIGESTS["CRC32"](BODY)), "x-amz-checksum-sha1": b64(DIGESTS["SHA1"](BODY))}
    assert put(two)[:2] == (400, "InvalidRequest")


@pytest.mark.parametrize("size", [0, 1, 4096 * 8 - 1, 4096 * 8, 4096 * 9 + 5, 1 << 18])
def test_long_checksums_are_worked_out_in_parts(size: int) -> None:
    from neo_emulator.aws.s3.checksums import crc

    data = bytes(range(256)) * (size // 256 + 1)
    assert crc(data[:size], 32, 0xEDB88320) == zlib.crc32(data[:size]).to_bytes(4, "big")
    assert DIGESTS["CRC32C"](b"123456789").hex() == "e3069283"  # the check values of the catalogue of CRCs
    assert DIGESTS["CRC64NVME"](b"123456789").hex() == "ae8b14860a799888"


def test_bytes_that_look_like_a_form_stay_bytes(bucket: Any, curl: Curl) -> None:
    headers = {"Authorization": SIGNED, "Content-Type": "application/x-www-form-urlencoded"}
    assert curl("PUT", "/models/form", b"key=other&acl=x", headers).status == 200
    got = bucket.get_object(Bucket="models", Key="form")
    assert (got["Body"].read(), got["ContentType"]) == (b"key=other&acl=x", "application/x-www-form-urlencoded")


CASES: list[tuple[str, str, dict[str, str], int, str]] = [
    ("POST", "/models/key", {}, 405, "MethodNotAllowed"),
    ("POST", "/models", {}, 412, "PreconditionFailed"),
    ("GET", "/models?max-keys=abc", {}, 400, "InvalidArgument"),
    ("GET", "/models?list-type=2&max-keys=abc", {}, 400, "InvalidArgument"),
    ("PUT", "/models/k?partNumber=x&uploadId=1", {}, 400, "InvalidArgument"),
    ("PUT", "/models/k", {"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}, 411, "MissingContentLength"),
    ("PUT", "/models/k", {"x-amz-content-sha256": "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"}, 501, "NotImplemented"),
]


@pytest.mark.parametrize(("method", "path", "headers", "status", "code"), CASES)
def test_bad_requests_are_the_client_s(
    bucket: Any, curl: Curl, method: str, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    answer = curl(method, path, b"", {"Authorization": SIGNED, **headers})
    assert answer.status == status, answer.body
    assert f"<Code>{code}</Code>" in answer.body.decode()
