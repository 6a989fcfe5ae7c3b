"""NEO_EMULATOR_AUTH=sigv4: what a request was judged to be is what moto then does, whatever its bytes are.

`python -m fuzz.gate 100000 [SEED]` sends that many and prints how many were let through; `make fuzz` runs it.
"""

import json
import logging
import random
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, unquote

from botocore.auth import HmacV1Auth, S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from neo_emulator.aws.moto import Moto
from neo_emulator.aws.moto_errors import SERVICE
from neo_emulator.aws.signing.judged import JUDGED, Judged
from neo_emulator.gateway.auth import Auth
from neo_workers.settings import Settings

KEY, SECRET = "AKIAKNOWNKNOWNKNOWN0", "secret"
KEYS = Credentials(KEY, SECRET)
BUCKETS = ("public", "private", "latest", "a.b")
HOSTS = (
    *("localhost", "localhost:80", "127.0.0.1", "emulator", "s3.amazonaws.com", "s3.us-west-2.amazonaws.com"),
    *("public.localhost", "private.s3.localhost", "public.s3.amazonaws.com", "private.s3-eu-west-1.amazonaws.com"),
    *("public.svc.cluster.local", "www.private.x", "localhost.public", "public.host.docker.internal", "a.b.s3.x.y"),
    *("1.s3-control.us-east-1.amazonaws.com", "x.s3-accesspoint.us-east-1.amazonaws.com", "sts.amazonaws.com", "[::1]"),
)
PIECES = (
    "public",
    "private",
    "latest",
    "key",
    "meta-data",
    "a.b",
    "..",
    ".",
    "",
    "k e+y",
    "é",
    "moto-api",
    "v20180820",
)
NAMES = (
    *("policy", "acl", "versions", "tagging", "uploads", "uploadId", "partNumber", "versionId", "cors", "location"),
    *("prefix", "list-type", "max-keys", "x-id", "delete", "Action", "Version", "response-content-type", "website"),
    *("x-amz-acl", "X-Amz-Security-Token", "AWSAccessKeyId", "Signature", "Expires", "torrent", "select", "restore"),
)
VALUES = (
    "",
    "1",
    "2",
    "key",
    "AssumeRoleWithWebIdentity",
    "ListBuckets",
    "2011-06-15",
    "a&acl",
    "a=b",
    "+",
    "%",
    "\u00e9",
)
HEADERS = {
    "x-amz-copy-source": ("/private/key",),
    "x-amz-acl": ("public-read",),
    "X-Moto-Account-Id": ("111122223333",),
    "X-Amz-Target": ("SageMaker.ListModels", "DynamoDB_20120810.ListTables", "AWSCognitoIdentityService.GetId", "x"),
    "Content-Type": ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json"),
    "User-Agent": ("x region/eu-west-1",),
    "Range": ("bytes=0-1",),
    "Origin": ("https://page.example",),
    "Access-Control-Request-Method": ("PUT",),
    "x-amz-checksum-mode": ("ENABLED",),
    "Authorization": ("AWS a:b", "AWS4-HMAC-SHA256 Credential=a/20240101/us-east-1/sts/aws4_request, SignedHeaders=x"),
    "X-HTTP-Method-Override": ("DELETE",),
}
BODIES = (
    *(b"", b"x", b"acl=1&key=private", b'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\nother\r\n--x--\r\n'),
    b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn:aws:iam::1:role/r&RoleSessionName=s",
    b"Action=GetCallerIdentity&Version=2011-06-15",
)


class Gate:
    """The verifier in front of moto, and what moto did with the last request."""

    def __init__(self) -> None:
        settings = Settings(auth="sigv4", access_keys=f"{KEY}:{SECRET}")
        self.moto = Moto(settings)
        services = self.moto.services
        self._auth = Auth(settings, services.secret_of, services.public_access, "token")
        self.done: list[tuple[str, str, str]] = []  # bucket, key, action
        for bucket in BUCKETS:
            self.put(f"/{bucket}")
            self.put(f"/{bucket}/key", b"body")
        allow = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::public*"}
        self.put("/public?policy", json.dumps({"Statement": [allow]}).encode())

    def put(self, path: str, body: bytes = b"") -> None:
        """A signed PUT that must succeed."""
        request = AWSRequest("PUT", f"http://localhost{path}", data=body)
        S3SigV4Auth(KEYS, "s3", "us-east-1").add_auth(request)
        status, _ = self.send("PUT", path, dict(request.headers.items()) | {"Host": "localhost"}, body)
        assert status in (200, 204), (path, status)

    def send(self, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        """The answer's status and the request as moto got it."""
        from werkzeug.test import EnvironBuilder

        path, _, query = target.partition("?")
        environ = EnvironBuilder(method=method, headers=headers, data=body).get_environ()
        environ |= {"PATH_INFO": unquote(path, "latin-1"), "QUERY_STRING": query, "RAW_URI": target}
        environ["HTTP_HOST"] = headers.get("Host", "localhost")
        started: list[str] = []
        self.done.clear()

        def start(status: str, *_: Any) -> Any:
            started.append(status)
            return lambda data: None

        answer = self._auth(environ, start)
        if answer is None:
            environ["let through"] = True
            answer = self.moto(environ, start)
        b"".join(answer)
        return int(started[0].split()[0]), environ

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Notes which bucket and key moto's S3 works on, and the action it takes the request for."""
        from moto.s3.responses import S3Response

        real = S3Response._authenticate_and_authorize_s3_action
        whole = S3Response.setup_class

        def note(response: Any, *arguments: Any, **named: Any) -> Any:
            self.done.append((named.get("bucket_name") or "", named.get("key_name") or "", response.data.get("Action")))
            return real(response, *arguments, **named)

        def setup(response: Any, *arguments: Any, **named: Any) -> Any:
            made = whole(response, *arguments, **named)
            self.done.append((response.bucket_name or "", response.parse_key_name(), ""))
            return made

        S3Response._authenticate_and_authorize_s3_action, S3Response.setup_class = note, setup
        try:
            yield
        finally:
            S3Response._authenticate_and_authorize_s3_action, S3Response.setup_class = real, whole


_ACTIONS = {"s3:GetObject": {"GetObject", "HeadObject"}, "s3:ListBucket": {"ListBucket", "HeadBucket"}}


def difference(gate: Gate, environ: dict[str, Any]) -> str:
    """How what moto did differs from what was judged; "" where it does not."""
    if not environ.get("let through"):
        return "moto was asked" if gate.done else ""
    if not str(environ.get("PATH_INFO")).startswith(("/moto-api", "/_neo/")) or JUDGED in environ:
        judged: Judged = environ[JUDGED]
        service = environ.get(SERVICE, "")
        if (judged.service == "s3") is not (service == "s3"):
            # moto's dispatcher has refused before anything ran
            return f"judged {judged}, served {service}" if gate.done else ""
        for bucket, key, action in gate.done:
            if bucket != judged.bucket or (key and key != judged.key):
                return f"judged {judged}, moto took {bucket!r} {key!r}"
            if judged.action and action and action not in _ACTIONS[judged.action]:
                return f"judged {judged}, moto did {action}"
    return ""


def generate(chance: random.Random) -> tuple[str, str, dict[str, str], bytes]:
    """Method, target, headers and body of the next request; a part of them signed, of those a part changed since."""
    method = chance.choice(("GET", "GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"))

    def spelt(text: str) -> str:
        whole = quote(text, safe="") if chance.random() < 0.8 else text.encode("utf-8").decode("latin-1")
        return "".join(f"%{ord(c):02x}" if c.isalnum() and chance.random() < 0.05 else c for c in whole).replace(
            " ", "+"
        )

    path = "/" + "/".join(spelt(chance.choice(PIECES)) for _ in range(chance.randint(0, 4)))
    pairs = [
        f"{spelt(chance.choice(NAMES))}={spelt(chance.choice(VALUES))}" for _ in range(chance.choice((0, 0, 1, 2)))
    ]
    query = "&".join(pair.removesuffix("=") if chance.random() < 0.5 else pair for pair in pairs)
    headers = {"Host": chance.choice(HOSTS)}
    for name in chance.sample(list(HEADERS), chance.choice((0, 0, 1, 2))):
        headers[name] = chance.choice(HEADERS[name])
    body = chance.choice(BODIES) if chance.random() < 0.4 else b""
    target = path + (f"?{query}" if query else "")
    if chance.random() < 0.5:
        target, headers = _signed(chance, method, target, headers, body)
    return method, target, headers, body


def _signed(
    chance: random.Random, method: str, target: str, headers: dict[str, str], body: bytes
) -> tuple[str, dict[str, str]]:
    headers.pop("Authorization", None)
    kind = chance.randrange(4)
    given = b"" if kind == 0 else body
    request = AWSRequest(method, f"http://{headers['Host']}{target}", data=given, headers=headers)
    if kind == 0:
        S3SigV4QueryAuth(KEYS, "s3", "us-east-1", expires=60).add_auth(request)
        target = "/" + request.url.split("://", 1)[1].partition("/")[2]
    elif kind == 1:
        HmacV1Auth(KEYS).add_auth(request)
    elif kind == 2:
        SigV4Auth(KEYS, chance.choice(("sts", "iam", "sagemaker")), "us-east-1").add_auth(request)
    else:
        S3SigV4Auth(KEYS, "s3", "us-east-1").add_auth(request)
    made = {**headers, **dict(request.headers.items()), "Host": headers["Host"]}
    if chance.random() < 0.3:  # something is changed under way
        name = chance.choice(list(HEADERS))
        made[name] = chance.choice(HEADERS[name]) if name != "Authorization" else made.get(name, "")
    return target, made


def run(count: int, seed: int) -> tuple[Counter[str], list[str]]:
    """How many were refused, and let through to which action; every difference."""
    gate, chance, seen, found = Gate(), random.Random(seed), Counter[str](), list[str]()
    with gate.watching():
        for number in range(count):
            method, target, headers, body = generate(chance)
            try:
                status, environ = gate.send(method, target, headers, body)
            except UnicodeError:
                continue
            if environ.get("let through"):
                judged: Judged | None = environ.get(JUDGED)
                seen[(judged.action or f"signed {judged.service}") if judged else "control"] += 1
            else:
                seen["refused"] += 1
            wrong = difference(gate, environ)
            if wrong or status >= 502 or status == 500:
                found.append(f"{number}: {wrong} {status} {method} {target} {headers} {body!r}")
    return seen, found


def main(count: str, seed: str = "0") -> None:
    """Exits with 1 where a difference was found."""
    warnings.simplefilter("ignore")
    logging.disable()
    seen, found = run(int(count), int(seed))
    print(f"{count} requests, seed {seed}: {dict(sorted(seen.items()))}, {len(found)} differences")
    print(*found[:20], sep="\n")
    sys.exit(bool(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
