import pytest

from neo_emulator.stack.serve import StartError, _check_reach, _listen
from neo_workers.settings import Settings


def test_a_taken_port_is_refused() -> None:
    with _listen("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        with pytest.raises(StartError, match=f"cannot listen on 127.0.0.1:{port}"):
            _listen("127.0.0.1", port)


def test_what_is_no_address_is_refused() -> None:
    for host in ("fd:x", "fd:999", "unix:/no/such/folder/s"):
        with pytest.raises(StartError, match=f"cannot listen on {host}"):
            _listen(host, 0)


def test_workers_do_not_reach_a_unix_socket() -> None:
    url = "http+unix://%2Ftmp%2Fs"
    _check_reach(Settings(), "http://127.0.0.1:1", True)
    _check_reach(Settings(), url, False)
    _check_reach(Settings(s3_endpoint_url="http://s3"), url, True)
    for settings, with_worker in ((Settings(), True), (Settings(buckets="a"), False)):
        with pytest.raises(StartError, match="need TCP"):
            _check_reach(settings, url, with_worker)
