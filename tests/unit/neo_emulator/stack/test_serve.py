import pytest

from neo_emulator.stack.serve import StartError, listen, reach


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("::1", "http://[::1]:80"),
        ("box", "http://box:80"),
    ],
)
def test_url_by_which_this_machine_reaches_the_server(host: str, url: str) -> None:
    assert reach(host, 80) == url


def test_port_0_picks_a_free_one_and_a_taken_one_is_refused() -> None:
    with listen("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        assert port > 0
        with pytest.raises(StartError, match=f"cannot listen on 127.0.0.1:{port}"):
            listen("127.0.0.1", port)
