"""Proxies of the environment (HTTP_PROXY and the like), which are not for an emulator on this machine."""

from __future__ import annotations

import ipaddress
import urllib.request
from urllib.parse import urlsplit

NAMES = ("NO_PROXY", "no_proxy")
"""The variables that list the hosts to reach without a proxy; programs differ in which of them they read."""


def is_local(url: str) -> bool:
    """Returns whether the host of `url` is this machine: localhost, or a loopback address."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def bypass(url: str) -> dict[str, str]:
    """Returns the environment variables with which programs reach `url` without a proxy.

    Empty where no proxy is configured, where `url` is on another machine, or where they are set already.
    """
    configured = urllib.request.getproxies_environment()
    host = urlsplit(url).hostname or ""
    listed = configured.pop("no", "")
    if not configured or not is_local(url) or urllib.request.proxy_bypass(host):
        return {}
    return dict.fromkeys(NAMES, f"{listed},{host}" if listed else host)


def opener(url: str) -> urllib.request.OpenerDirector:
    """Returns urllib's opener for `url`: one on this machine is opened without a proxy."""
    handlers = [urllib.request.ProxyHandler({})] if is_local(url) else []
    return urllib.request.build_opener(*handlers)
