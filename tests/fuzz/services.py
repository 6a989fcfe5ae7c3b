"""Requests to services that moto answers, made from botocore's models and then broken: none may be answered with 5xx.

`python -m fuzz.services 100000 [SEED]` sends that many and prints what came back; `make fuzz` runs it. The one 5xx that
counts as explained is 501 NotImplemented, and only for a request that was not made to break its service's model.
"""

import json
import logging
import random
import sys
import warnings
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.serialize import create_serializer
from werkzeug.test import Client

SERVICES = ("s3", "iam", "logs", "scheduler")  # rest-xml, query, json, rest-json
NAMES = (
    "bucket",
    "bucket",
    "b2",
    "a.b",
    "x",
    "key",
    "dir/a b+c%",
    "é",
    "",
    "a" * 70,
    "..",
    "%",
    "arn:aws:iam::1:role/r",
)
JUNK: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1 << 70, 1.5, float("nan"), "", "\x00", "abc", "é" * 90, "x" * 5000, "9" * 23),
    *([], {}, [1], [None], {"a": {}}, [[[[[[]]]]]], "<a>", "{", "2020-13-45", "2999-01-01T00:00:00Z", "\ud800"),
)
BAD_VALUES = ("", "abc", "-1", "9" * 23, "%00", "%zz", "é", "1.5", "0x10", "null", "a=b", "\x7f", "+", "..")
METHODS = ("GET", "PUT", "POST", "DELETE", "HEAD", "PATCH", "OPTIONS")
HEADERS = {
    "x-amz-content-sha256": ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x", "0" * 64),
    "x-amz-decoded-content-length": ("3", "abc", "-1", "9" * 23),
    "x-amz-copy-source": ("/bucket/key", "nothing", "%", "bucket", "/bucket/key?versionId=x"),
    "x-amz-acl": ("public-read", "nonsense", ""),
    "x-amz-tagging": ("a=b", "a", "&&&", "%zz=1"),
    "x-amz-object-lock-mode": ("GOVERNANCE", "x"),
    "x-amz-object-lock-retain-until-date": ("2999-01-01T00:00:00Z", "soon"),
    "x-amz-checksum-crc32": ("AAAAAA==", "x"),
    "x-amz-sdk-checksum-algorithm": ("CRC32", "MD4", ""),
    "x-amz-grant-read": ("id=1", "nonsense", 'uri="http://x"'),
    "x-amz-metadata-directive": ("REPLACE", "x"),
    "x-amz-expected-bucket-owner": ("1", "123456789012"),
    "Range": ("bytes=0-1", "bytes=-", "bytes=a-b", "lines=1", "bytes=5-1", "x", "bytes=0-0,2-3", "bytes"),
    "If-Match": ('"x"', "*", ""),
    "If-Modified-Since": ("yesterday", "Tue, 01 Dec 2026 03:10:21 GMT", "Tue, 99 Foo 2026 03:10:21 GMT"),
    "Content-MD5": ("x", "AAAAAAAAAAAAAAAAAAAAAA=="),
    "Content-Encoding": ("gzip", "aws-chunked", "x"),
    "Content-Type": ("text/plain", "multipart/form-data", "multipart/form-data; boundary=b", "application/json", ""),
    "Authorization": ("AWS a:b", "AWS4-HMAC-SHA256", "Bearer x", ""),
    "Origin": ("https://page.example", "null"),
    "X-Amz-Target": ("Logs_20140328.DescribeLogGroups", "SageMaker.ListModels", "nothing", ".", "Logs_20140328.X"),
    "x-amz-security-token": ("x",),
}
S3_WORDS = (
    *("acl", "tagging", "uploads", "uploadId", "partNumber", "versionId", "versions", "versioning", "policy", "cors"),
    *("lifecycle", "website", "logging", "notification", "encryption", "delete", "restore", "select", "max-keys"),
    *(
        "list-type",
        "prefix",
        "delimiter",
        "marker",
        "encoding-type",
        "attributes",
        "retention",
        "legal-hold",
        "inventory",
    ),
    *("object-lock", "replication", "publicAccessBlock", "ownershipControls", "accelerate", "continuation-token", "id"),
    *("response-content-type", "key-marker", "fetch-owner", "start-after", "max-uploads", "max-parts", "policyStatus"),
)


@dataclass
class Request:
    """One request, and whether it was made to break its service's model."""

    service: str
    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes
    broken: bool

    def send(self, client: Client, host: str = "localhost") -> Any:
        """moto's answer through the emulator."""
        query = "&".join(f"{quote(name)}={value}" for name, value in self.query)
        scope = f"AKID/20240101/us-east-1/{self.service}/aws4_request"
        signed = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}
        return client.open(
            self.path,
            method=self.method,
            query_string=query,
            headers={**signed, **self.headers, "Host": host},
            data=self.body,
            environ_overrides={"RAW_URI": f"{quote(self.path, safe='/%')}?{query}"},
        )


@lru_cache(maxsize=8)
def model(service: str) -> Any:
    """botocore's model of a service."""
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


class Generator:
    """Requests by chance, the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._broken = False

    def request(self) -> Request:
        """The next one."""
        chance = self.random
        service = chance.choice((*SERVICES, "s3"))
        self._broken = False
        operation = model(service).operation_model(chance.choice(model(service).operation_names))
        breaks = chance.random() < 0.4
        shape = operation.input_shape
        given = {} if shape is None else self._structure(shape, breaks, 0)
        try:
            serializer = create_serializer(model(service).metadata["protocol"], include_validation=False)
            made = serializer.serialize_to_request(given, operation)
        except Exception:  # botocore cannot send such values at all: a body of another client's
            self._broken = False
            made = {"method": operation.http["method"], "url_path": "/", "query_string": {}, "headers": {}}
            target = {"X-Amz-Target": f"{model(service).metadata.get('targetPrefix', '')}.{operation.name}"}
            made |= {"body": self._text(given), "headers": target if service == "logs" else {}}
        return self._mutated(self._plain(service, made))

    @staticmethod
    def _text(given: Any) -> bytes:
        return json.dumps(given, default=str).encode("utf-8", "surrogatepass")

    def _plain(self, service: str, made: dict[str, Any]) -> Request:
        path, _, more = made["url_path"].partition("?")
        query = [(name, "") if "=" not in name else tuple(name.split("=", 1)) for name in more.split("&") if name]
        rows = made["query_string"].items() if isinstance(made["query_string"], dict) else made["query_string"]
        for name, value in rows:
            for item in value if isinstance(value, list) else [value]:
                query.append((name, quote(str(item).encode("utf-8", "replace"))))
        body = made["body"]
        if isinstance(body, dict):
            body = urlencode({key: str(value).encode("utf-8", "replace") for key, value in body.items()})
        if not isinstance(body, bytes | str):
            body = b"" if body is None else str(body)
        data = body.encode("utf-8", "replace") if isinstance(body, str) else body
        headers = {name: _header(value) for name, value in dict(made["headers"]).items()}
        return Request(service, made["method"], path, query, headers, data, self._broken)

    def _mutated(self, request: Request) -> Request:
        chance = self.random
        if chance.random() < 0.5:
            return request
        for _ in range(chance.randint(1, 3)):
            match chance.randrange(6):
                case 0:
                    request.method = chance.choice(METHODS)
                case 1:
                    name = chance.choice(list(HEADERS))
                    request.headers[name] = _header(chance.choice(HEADERS[name]))
                case 2:
                    request.query.append((chance.choice(S3_WORDS), quote(chance.choice(BAD_VALUES), safe="%")))
                case 3:
                    if request.query:
                        del request.query[chance.randrange(len(request.query))]
                case 4:
                    at = chance.randrange(len(request.body) + 1)
                    request.body = request.body[:at] + chance.choice((b"", b"\xff", b"<", b"[[[[", b"&", b"\r\n", b"0"))
                case _:
                    request.path = "/" + "/".join(chance.choice(NAMES) for _ in range(chance.randrange(3)))
        request.broken = False  # nobody knows
        return request

    def _structure(self, shape: Any, breaks: bool, depth: int) -> dict[str, Any]:
        chance, made = self.random, {}
        for name, member in shape.members.items():
            required = name in shape.required_members
            if required or chance.random() < (0.25 if depth < 2 else 0.05):
                made[name] = self._value(member, breaks, depth + 1, name)
        if breaks and made and chance.random() < 0.5:
            name = chance.choice(list(made))
            plain = shape.members[name].serialization.get("location") not in ("uri", "headers")
            if chance.random() < 0.5:
                self._broken |= name in shape.required_members and plain
                if plain:
                    del made[name]
            elif plain:
                made[name] = chance.choice(JUNK)
        return made

    def _value(self, shape: Any, breaks: bool, depth: int, name: str) -> Any:
        chance = self.random
        match shape.type_name:
            case "structure":
                return {} if depth > 6 else self._structure(shape, breaks, depth)
            case "list":
                return [self._value(shape.member, breaks, depth + 1, name) for _ in range(chance.randint(0, 2))]
            case "map":
                return {"a": self._value(shape.value, breaks, depth + 1, name)}
            case "string":
                if "enum" in shape.metadata and chance.random() < 0.9:
                    return chance.choice(shape.metadata["enum"])
                return chance.choice(NAMES[:2] if name == "Bucket" else NAMES)
            case "integer" | "long":
                return chance.choice((0, 1, 2, 100, 1 << 40))
            case "float" | "double":
                return 0.5
            case "boolean":
                return chance.random() < 0.5
            case "timestamp":
                return 1_700_000_000
            case _:
                return b"bytes"


def _header(value: object) -> str:
    text = str(value).encode("utf-8", "replace").decode("latin-1")
    return "".join(letter for letter in text if letter.isprintable())


def run(client: Client, count: int, seed: int) -> tuple[Counter[str], list[str]]:
    """How often each answer came, and every 5xx that nothing explains."""
    answers, faults = Counter[str](), list[str]()
    generator = Generator(seed)
    Request("s3", "PUT", "/bucket", [], {}, b"", False).send(client)
    for number in range(count):
        request = generator.request()
        answer = request.send(client)
        told = b"NotImplemented" in answer.data or request.method == "HEAD"
        explained = answer.status_code == 501 and told and not request.broken
        answers[f"{answer.status_code // 100}xx" if answer.status_code < 500 else str(answer.status_code)] += 1
        if answer.status_code >= 500 and not explained:
            faults.append(f"{number}: {answer.status} {answer.data[:300]!r} {request}")
        answer.close()
    return answers, faults


def main(count: str, seed: str = "0") -> None:
    """Exits with 1 where a fault was found."""
    from neo_emulator.aws.moto import Moto
    from neo_workers.settings import Settings

    warnings.simplefilter("ignore")
    logging.disable()
    answers, faults = run(Client(Moto(Settings())), int(count), int(seed))
    print(f"{count} requests, seed {seed}: {dict(sorted(answers.items()))}, {len(faults)} unexplained 5xx")
    print(*faults[:20], sep="\n")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main(*sys.argv[1:])
