"""The development certificate: made once, trusted by who trusts its file, refused by all others."""

import socket
import ssl
import stat
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from neo_emulator.http import tls
from neo_emulator.http.limits import Limits
from neo_emulator.http.server import make_server


def hello(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Length", "5")])
    return [environ["wsgi.url_scheme"].encode().ljust(5)]


def test_one_port_speaks_http_and_https(tmp_path: Path) -> None:
    certificate, key = tls.development_certificate(tmp_path / "tls")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    trusting = ssl.create_default_context(cafile=str(certificate))
    trusting.verify_flags |= ssl.VERIFY_X509_STRICT  # as from Python 3.13 on
    with make_server(hello, tls=tls.context(certificate, key)) as server:
        for host in ("localhost", "127.0.0.1"):
            address = f"https://{host}:{server.port}"
            assert urllib.request.urlopen(address, timeout=60, context=trusting).read() == b"https"
            with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
                urllib.request.urlopen(address, timeout=60, context=ssl.create_default_context())
        assert urllib.request.urlopen(f"http://127.0.0.1:{server.port}", timeout=60).read() == b"http "


def test_large_bodies_both_ways_slow_clients_and_a_stop(tmp_path: Path) -> None:
    def echo(environ: Any, start_response: Any) -> list[bytes]:
        body = environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    certificate, key = tls.development_certificate(tmp_path / "tls")
    trusting = ssl.create_default_context(cafile=str(certificate))
    body = bytes(range(256)) * 100_000
    with make_server(echo, tls=tls.context(certificate, key), limits=Limits(idle_seconds=5)) as server:
        address = f"https://127.0.0.1:{server.port}"
        assert urllib.request.urlopen(address, body, timeout=60, context=trusting).read() == body
        silent = socket.create_connection(server.address, 60)  # not even a handshake
        with trusting.wrap_socket(socket.create_connection(server.address, 60), server_hostname="localhost") as slow:
            slow.sendall(b"GET / HTTP/1.1\r\nHost: h\r\nX: ")
            assert slow.recv(1000).startswith(b"HTTP/1.1 408 ")
        assert silent.recv(10) == b""
        silent.close()
        idle = trusting.wrap_socket(socket.create_connection(server.address, 60), server_hostname="localhost")
        idle.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert idle.recv(1000).startswith(b"HTTP/1.1 200 ")
    with idle:
        assert idle.recv(10) == b""


def test_a_certificate_is_kept_while_it_is_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "DAYS", 0)
    first = tls.development_certificate(tmp_path)[0].read_bytes()
    monkeypatch.setattr(tls, "DAYS", 30)
    second = tls.development_certificate(tmp_path)[0].read_bytes()
    assert first != second
    assert tls.development_certificate(tmp_path)[0].read_bytes() == second


def test_files_that_are_no_certificate(tmp_path: Path) -> None:
    path = tmp_path / "x.pem"
    path.write_text("nothing")
    with pytest.raises(OSError):
        tls.context(path, path)
