"""The names that the emulator answers to, and the bucket that a virtual-hosted request names before one of them.

Other names are refused: by one that leads to this machine (DNS rebinding) a web page could read and steer the emulator.
An address or a name without a dot cannot be such a name, and a page cannot choose what AWS's own names lead to.
Source: "Virtual hosting of buckets" of the S3 user guide.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from functools import lru_cache

KNOWN = ("localhost", "emulator", "neo-emulator", "docker.internal", "svc.cluster.local")
AWS = ("amazonaws.com", "amazonaws.com.cn", "amazonaws.eu", "api.aws")
VIRTUAL_BUCKET = "neo_emulator.virtual_bucket"
"""In a WSGI environ: the bucket in the Host, "" for none."""
_S3 = re.compile(r"(?:(.+)\.)?s3(?:[.-][a-z0-9-]+)*")
"""What stands before a name: models.s3, s3, models.s3.us-west-2, models.s3-eu-west-1."""


class Hosts:
    """`names` are those of NEO_EMULATOR_HOSTS and the bind address; "*" stands for all."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        given = [name.strip().lower().lstrip(".") for name in names if name.strip()]
        self._any = "*" in given
        self._names = tuple(dict.fromkeys((*given, socket.gethostname().lower(), *KNOWN)))

    def add(self, name: str) -> None:
        """Answers to one more name."""
        self._names = (name.lower(), *self._names)

    def admits(self, host: str) -> bool:
        """Whether the emulator answers to a Host header."""
        name = _name(host)
        return self._any or "." not in name or _is_address(name) or self._base(name) != ""

    def bucket(self, host: str) -> str:
        """The bucket that a Host header names, "" for a path-style request."""
        name = _name(host)
        if "." not in name or _is_address(name):
            return ""
        base = self._base(name)
        if base == "svc.cluster.local" or name in (base, "host.docker.internal", "gateway.docker.internal"):
            return ""
        before = name.removesuffix(f".{base}") if base else name
        found = _S3.fullmatch(before)
        if found is not None:
            return found[1] or ""
        if not base:
            return (
                re.split(r"\.s3[.-]", name, maxsplit=1)[0] if re.search(r"\.s3[.-]", name) else name.partition(".")[0]
            )
        return "" if base in AWS else before.removesuffix(".host").removesuffix(".gateway")

    def _base(self, name: str) -> str:
        """The known name that a Host is or stands below, "" for none."""
        return next((base for base in (*self._names, *AWS) if name == base or name.endswith(f".{base}")), "")


def _name(host: str) -> str:
    """A Host header without its port, in lower case."""
    text = host.rpartition("@")[2].lower()
    return text.partition("]")[0] + "]" if text.startswith("[") else text.partition(":")[0].rstrip(".")


@lru_cache(maxsize=256)
def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
