"""NEO_EMULATOR_AUTH=sigv4: accepts only requests, to any service, that are correctly signed with a known access key.

Known are the keys of NEO_EMULATOR_ACCESS_KEYS and those that moto's IAM and STS issued. IAM policies are not enforced:
a known key may do anything. Unsigned requests to S3 may do what bucket policies and ACLs grant to everyone.

Source of error codes and messages: "Common Errors" in the services' API references.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from neo_emulator.aws.moto_errors import error_response
from neo_emulator.aws.s3 import public_access
from neo_emulator.aws.s3.public_access import PublicAccess
from neo_emulator.aws.signing import sigv2, sigv4
from neo_emulator.control import handler
from neo_emulator.gateway.cors import is_preflight
from neo_emulator.protocol import aws_json
from neo_emulator.protocol.errors import ServiceError
from neo_emulator.protocol.request_context import read_body
from neo_workers.settings import Settings

EXEMPT = (handler.PREFIX, "/moto-api/")
Secret = tuple[str, str]  # secret access key; session token, "" for long-term keys

log = logging.getLogger(__name__)

MISSING, UNKNOWN, TOKEN, WRONG, LATE = range(5)
_TEXTS = {
    MISSING: "Missing Authentication Token",
    UNKNOWN: "The security token included in the request is invalid.",
    TOKEN: "The security token included in the request is invalid.",
    WRONG: "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
    "Access Key and signing method. Consult the service documentation for details.",
    LATE: "Signature expired",
}
_JSON = {
    MISSING: ("MissingAuthenticationTokenException", 400),
    UNKNOWN: ("UnrecognizedClientException", 400),
    TOKEN: ("UnrecognizedClientException", 400),
    WRONG: ("InvalidSignatureException", 400),
    LATE: ("InvalidSignatureException", 400),
}
_QUERY = {
    MISSING: ("MissingAuthenticationToken", 403),
    UNKNOWN: ("InvalidClientTokenId", 403),
    TOKEN: ("InvalidClientTokenId", 403),
    WRONG: ("SignatureDoesNotMatch", 403),
    LATE: ("SignatureDoesNotMatch", 403),
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
}


class Auth:
    """A handler that refuses requests without a valid signature, and declines (None) all others."""

    def __init__(
        self,
        settings: Settings,
        issued: Callable[[str], Secret | None],
        public_access_of: Callable[[str, str], PublicAccess | None],
    ) -> None:
        self._own = settings.known_keys
        self._issued = issued  # secret of an access key that moto issued
        self._public_access_of = public_access_of  # takes a bucket and a key

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
        """An error response in the caller's protocol, or None for a request that is allowed."""
        if str(environ.get("PATH_INFO", "")).startswith(EXEMPT) or is_preflight(environ):
            return None
        claimed = sigv4.signature(environ) or sigv2.signature(environ)
        if claimed is None and _unsigned(environ) and public_access.is_allowed(environ, self._public_access_of):
            return None
        why = MISSING if claimed is None else self._fault(claimed, environ)
        if why is None:
            return None
        service = claimed.service if claimed else _service(environ)
        log.info("refused: %s", _TEXTS[why])
        return error_response(environ, _error(service, environ, why)).send(start_response)

    def _fault(self, claimed: sigv4.Signature | sigv2.Signature, environ: WSGIEnvironment) -> int | None:
        known = self._own.get(claimed.access_key)
        secret, token = (known, "") if known is not None else (self._issued(claimed.access_key) or ("", ""))
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
