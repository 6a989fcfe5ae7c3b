"""An S3 request's body as moto shall have it: decoded from aws-chunked, and what its digests claim.

Source: "Signature calculations for the Authorization header: transferring payload in multiple chunks", "Checking
object integrity" and "Error responses" of the S3 documentation; aws/aws-sdk-ruby#3322 and versity/versitygw#1598 for
texts that S3 answers and the documentation lacks.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Protocol
from wsgiref.types import WSGIEnvironment

from neo_emulator.aws.s3.checksums import DIGESTS, SIZES
from neo_emulator.protocol.errors import ServiceError
from neo_emulator.protocol.request_context import read_body, replace_body

STREAMING = "STREAMING-"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
SIGNED, SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
VERIFIER = "neo_emulator.chunks"
"""In an environ: who verifies the signatures of a body's chunks (`ChunkVerifier`); absent where none are verified."""
_CHECKSUM, _DIGEST = "HTTP_X_AMZ_CHECKSUM_", re.compile(r"[0-9a-f]{64}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})(?:;chunk-signature=([0-9a-f]{64}))?\s*\r?\n")


class ChunkVerifier(Protocol):
    """Follows the chain of signatures of one body."""

    def chunk(self, data: bytes, signature: str) -> bool:
        """Whether the next chunk has this signature."""

    def trailer(self, text: bytes, signature: str) -> bool:
        """Whether the trailing headers have this signature."""


def settle(environ: WSGIEnvironment) -> None:
    """Puts the object's own bytes into `environ`, with the checksum that a trailer brought as a header.

    Raises ServiceError for a body that is not what the headers say.
    """
    claimed = str(environ.get("HTTP_X_AMZ_CONTENT_SHA256", ""))
    if claimed.startswith(STREAMING):
        _decode(environ, claimed)
    elif _DIGEST.fullmatch(claimed) and hashlib.sha256(read_body(environ)).hexdigest() != claimed:
        text = "The provided 'x-amz-content-sha256' header does not match what was computed."
        raise ServiceError("XAmzContentSHA256Mismatch", text)
    if environ.get("HTTP_CONTENT_MD5"):
        _check_md5(str(environ["HTTP_CONTENT_MD5"]), read_body(environ))
    if environ["REQUEST_METHOD"] in ("PUT", "POST") and "uploadId" not in _post_query(environ):
        _check_checksums(environ)


def _post_query(environ: WSGIEnvironment) -> str:
    """The query of a POST: with an upload's id it completes the upload, and a checksum is the whole object's."""
    return str(environ.get("QUERY_STRING", "")) if environ["REQUEST_METHOD"] == "POST" else ""


def _decode(environ: WSGIEnvironment, claimed: str) -> None:
    if claimed not in (UNSIGNED_TRAILER, SIGNED, SIGNED_TRAILER):
        raise ServiceError("NotImplemented", f"{claimed} is not supported.", 501)
    length = str(environ.get("HTTP_X_AMZ_DECODED_CONTENT_LENGTH", ""))
    if not length and claimed != UNSIGNED_TRAILER:
        raise ServiceError("MissingContentLength", "You must provide the Content-Length HTTP header.", 411)
    verifier: ChunkVerifier | None = environ.get(VERIFIER) if claimed != UNSIGNED_TRAILER else None
    body, rest = _chunks(read_body(environ), verifier)
    if length and (not length.isascii() or not length.isdecimal() or length.lstrip("0") != str(len(body)).lstrip("0")):
        raise _incomplete()
    _take_trailers(environ, rest, verifier if claimed == SIGNED_TRAILER else None)
    replace_body(environ, body)
    codings = [part.strip() for part in str(environ.get("HTTP_CONTENT_ENCODING", "")).split(",")]
    environ["HTTP_CONTENT_ENCODING"] = ",".join(part for part in codings if part and part != "aws-chunked")
    if not environ["HTTP_CONTENT_ENCODING"]:
        del environ["HTTP_CONTENT_ENCODING"]
    environ["HTTP_X_AMZ_CONTENT_SHA256"] = "UNSIGNED-PAYLOAD"  # moto would decode it again


def _incomplete() -> ServiceError:
    return ServiceError("IncompleteBody", "The request body terminated unexpectedly")


def _wrong_signature() -> ServiceError:
    text = (
        "The request signature we calculated does not match the signature you provided. Check your key and signing "
        "method."
    )
    return ServiceError("SignatureDoesNotMatch", text, 403)


def _chunks(data: bytes, verifier: ChunkVerifier | None) -> tuple[bytes, bytes]:
    """The bytes of all chunks, and what follows the last, empty one."""
    pieces, at = list[bytes](), 0
    while True:
        head = _CHUNK.match(data, at)
        if head is None:
            raise _incomplete()
        begin, size = head.end(), int(head[1], 16)
        end = begin + size
        piece = data[begin:end]
        if verifier is not None and not verifier.chunk(piece, (head[2] or b"").decode()):
            raise _wrong_signature()
        if not size:
            return b"".join(pieces), data[begin:]
        if data[end : end + 2] != b"\r\n":
            raise _incomplete()
        pieces.append(piece)
        at = end + 2


def _take_trailers(environ: WSGIEnvironment, rest: bytes, verifier: ChunkVerifier | None) -> None:
    promised = {name.strip().lower() for name in str(environ.get("HTTP_X_AMZ_TRAILER", "")).split(",")} - {""}
    found: dict[str, str] = {}
    signed = b""
    for line in rest.replace(b"\r\n", b"\n").split(b"\n"):
        name, colon, value = line.decode("latin-1").partition(":")
        name = name.strip().lower()
        if not name and not colon:
            continue
        if name != "x-amz-trailer-signature":
            signed += f"{name}:{value.strip()}\n".encode("latin-1")
        found[name] = value.strip()
    signature = found.pop("x-amz-trailer-signature", "")
    if found.keys() != promised:
        text = (
            "The request contained trailing data that was not well-formed or did not conform to our published schema."
        )
        raise ServiceError("MalformedTrailerError", text)
    if verifier is not None and not verifier.trailer(signed, signature):
        raise _wrong_signature()
    for name, value in found.items():
        if name.startswith("x-amz-checksum-"):
            environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
    environ.pop("HTTP_X_AMZ_TRAILER", None)


def _check_md5(claimed: str, body: bytes) -> None:
    wanted = _decoded(claimed, 16)
    if wanted is None:
        raise ServiceError("InvalidDigest", "The Content-MD5 you specified was invalid.")
    if hashlib.md5(body, usedforsecurity=False).digest() != wanted:
        raise ServiceError("BadDigest", "The Content-MD5 you specified did not match what we received.")


def _check_checksums(environ: WSGIEnvironment) -> None:
    names = [name for name in DIGESTS if environ.get(_CHECKSUM + name)]
    if not names:
        return
    if len(names) > 1:
        text = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        raise ServiceError("InvalidRequest", text)
    name = names[0]
    wanted = _decoded(str(environ[_CHECKSUM + name]), SIZES[name])
    if wanted is None:
        raise ServiceError("InvalidRequest", f"Value for x-amz-checksum-{name.lower()} header is invalid.")
    algorithm = str(environ.get("HTTP_X_AMZ_SDK_CHECKSUM_ALGORITHM", ""))
    if algorithm and algorithm.upper() != name:
        raise ServiceError("InvalidRequest", "Value for x-amz-sdk-checksum-algorithm header is invalid.")
    if DIGESTS[name](read_body(environ)) != wanted:
        raise ServiceError("BadDigest", f"The {name} you specified did not match the calculated checksum.")
    environ["HTTP_X_AMZ_SDK_CHECKSUM_ALGORITHM"] = name  # moto keeps a checksum only with it


def _decoded(text: str, size: int) -> bytes | None:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if len(data) == size else None
