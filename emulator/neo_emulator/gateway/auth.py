"""NEO_EMULATOR_AUTH=sigv4: accepts only requests, to any service, that are correctly signed with a known access key.

Known are the keys of NEO_EMULATOR_ACCESS_KEYS and those that moto's IAM and STS issued. IAM policies are not enforced:
a known key may do anything. Unsigned requests to S3 may do what bucket policies and ACLs grant to everyone.

Source of error codes and messages: "Common Errors" in the services' API references.
"""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, quote
from wsgiref.types import StartResponse, WSGIEnvironment

from neo_emulator.aws.moto_errors import error_response
from neo_emulator.aws.s3 import payload, public_access
from neo_emulator.aws.s3.public_access import PublicAccess, S3Request
from neo_emulator.aws.signing import judged, sigv2, sigv4
from neo_emulator.control import handler
from neo_emulator.protocol import aws_json
from neo_emulator.protocol.errors import ServiceError
from neo_emulator.protocol.request_context import read_body
from neo_emulator.protocol.response import Response
from neo_workers.settings import Settings

OPEN = frozenset({handler.PREFIX + "health", handler.PREFIX + "ready"})
"""What a container's health check asks without a signature."""
COOKIE = "neo_emulator_admin"
Secret = tuple[str, str]  # secret access key; session token, "" for long-term keys

log = logging.getLogger(__name__)

MISSING, UNKNOWN, TOKEN, WRONG, LATE, LOOSE = range(6)
_TEXTS = {
    MISSING: "Missing Authentication Token",
    UNKNOWN: "The security token included in the request is invalid.",
    TOKEN: "The security token included in the request is invalid.",
    WRONG: "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
    "Access Key and signing method. Consult the service documentation for details.",
    LATE: "Signature expired",
    LOOSE: "There were headers present in the request which were not signed",
}
_JSON = {
    MISSING: ("MissingAuthenticationTokenException", 400),
    UNKNOWN: ("UnrecognizedClientException", 400),
    TOKEN: ("UnrecognizedClientException", 400),
    WRONG: ("InvalidSignatureException", 400),
    LATE: ("InvalidSignatureException", 400),
    LOOSE: ("InvalidSignatureException", 400),
}
_QUERY = {
    MISSING: ("MissingAuthenticationToken", 403),
    UNKNOWN: ("InvalidClientTokenId", 403),
    TOKEN: ("InvalidClientTokenId", 403),
    WRONG: ("SignatureDoesNotMatch", 403),
    LATE: ("SignatureDoesNotMatch", 403),
    LOOSE: ("SignatureDoesNotMatch", 403),
}
_S3 = {
    MISSING: ("AccessDenied", 403, "Access Denied"),
    UNKNOWN: ("InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records."),
    TOKEN: ("InvalidToken", 400, "The provided token is malformed or otherwise invalid."),
    WRONG: (
        "SignatureDoesNotMatch",
        403,
        "The request signature we calculated does not match the signature you provided. Check your key and signing "
        "method.",
    ),
    LATE: ("AccessDenied", 403, "Request has expired"),
    LOOSE: ("AccessDenied", 403, "There were headers present in the request which were not signed"),
}


class Auth:
    """A handler that refuses requests without a valid signature, and declines (None) all others.

    A request that it lets through was made anew from what it judged (`judged.rebuild`).
    """

    def __init__(
        self,
        settings: Settings,
        issued: Callable[[str], Secret | None],
        public_access_of: Callable[[str, str], PublicAccess | None],
        admin_token: str,
    ) -> None:
        self._own = settings.known_keys
        self._region = settings.region
        self._issued = issued  # secret of an access key that moto issued
        self._public_access_of = public_access_of  # takes a bucket and a key
        self._admin_token = admin_token

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
        """An error response in the caller's protocol, or None for a request that is allowed."""
        environ.pop(payload.VERIFIER, None)
        control = handler.is_control(environ)
        if control:
            answer = self._as_admin(environ)
            if isinstance(answer, Response):
                return answer.send(start_response)
            if answer:
                return None
        claimed = sigv4.signature(environ) or sigv2.signature(environ)
        service = claimed.service if claimed else _service(environ)
        why, text = self._why(claimed, environ, control)
        if why is None:
            return None
        error = _error(service, environ, why)
        log.info("refused: %s", text or error.message)
        if control:
            body = json.dumps({"error": f"{text or error.message}. Sign the request, or send the admin token."})
            return Response(403, body.encode(), {"Content-Type": "application/json"}).send(start_response)
        return error_response(environ, ServiceError(error.code, text or error.message, error.status)).send(
            start_response
        )

    def _why(self, claimed: judged.Signature | None, environ: WSGIEnvironment, control: bool) -> tuple[int | None, str]:
        """Why a request is refused, and in what words if not the usual ones; None for one that may pass."""
        secret = ""
        if claimed is not None:
            secret, token = self._secret(claimed.access_key)
            if (why := _fault(claimed, secret, token, environ)) is not None:
                return why, ""
        elif control or not _unsigned(environ):
            return MISSING, ""
        if control:
            return None, ""
        try:
            made = judged.rebuild(environ, claimed, self._region)
        except judged.NotSigned as refusal:
            return (MISSING, "") if claimed is None else (LOOSE, str(refusal))
        if isinstance(claimed, sigv4.Signature):
            environ[payload.VERIFIER] = claimed.chunks(secret)
        if claimed is None and made.action:
            asked = S3Request(made.bucket, made.key, made.action)
            return (None if public_access.is_allowed(asked, self._public_access_of) else MISSING), ""
        return None, ""

    def _secret(self, access_key: str) -> Secret:
        known = self._own.get(access_key)
        return (known, "") if known is not None else (self._issued(access_key) or ("", ""))

    def _as_admin(self, environ: WSGIEnvironment) -> Response | bool:
        """Whether a request to a control address brings the admin token or needs none.

        For a page with the token in its address, a redirect that puts it into a cookie.
        """
        given = str(environ.get("HTTP_AUTHORIZATION", ""))
        cookies = SimpleCookie()
        with suppress(CookieError):
            cookies.load(str(environ.get("HTTP_COOKIE", "")))
        tokens = [given.removeprefix("Bearer ") if given.startswith("Bearer ") else ""]
        tokens += [cookies[COOKIE].value] if COOKIE in cookies else []
        reads = environ["REQUEST_METHOD"] in ("GET", "HEAD")
        if any(self._is_token(token) for token in tokens) or (reads and environ["PATH_INFO"] in OPEN):
            return True
        query = dict(parse_qsl(str(environ.get("QUERY_STRING", ""))))
        if reads and self._is_token(query.get("token", "")):
            cookie = f"{COOKIE}={self._admin_token}; Path=/; HttpOnly; SameSite=Strict"
            return Response(303, b"", {"Location": quote(str(environ["PATH_INFO"])), "Set-Cookie": cookie})
        return False

    def _is_token(self, text: str) -> bool:
        return hmac.compare_digest(text.encode(), self._admin_token.encode())


def _fault(claimed: judged.Signature, secret: str, token: str, environ: WSGIEnvironment) -> int | None:
    if not secret:
        return UNKNOWN
    if not claimed.in_time:
        return LATE
    if claimed.token != token:
        return TOKEN
    return None if claimed.verifies(secret, environ, lambda: read_body(environ)) else WRONG


def _unsigned(environ: WSGIEnvironment) -> bool:
    """Whether a request carries no signature at all, not even an invalid one."""
    texts = str(environ.get("HTTP_AUTHORIZATION", "")), str(environ.get("QUERY_STRING", ""))
    return not texts[0] and "Signature=" not in texts[1] and "HTTP_X_AMZ_TARGET" not in environ


def _service(environ: WSGIEnvironment) -> str:
    if "HTTP_X_AMZ_TARGET" in environ:
        return "sagemaker"
    return "sts" if aws_json.is_form(environ) and environ["REQUEST_METHOD"] == "POST" else "s3"


def _error(service: str, environ: WSGIEnvironment, why: int) -> ServiceError:
    if service == "s3":
        code, status, text = _S3[why]
        return ServiceError(code, text, status)
    code, status = (_JSON if "HTTP_X_AMZ_TARGET" in environ else _QUERY)[why]
    return ServiceError(code, _TEXTS[why], status)
