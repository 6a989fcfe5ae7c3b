"""Headless Chromium, driven through ChromeDriver's own protocol. Source: W3C WebDriver."""

import base64
import json
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from support.waiting import GENEROUS_SECONDS, until

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
KEYS = {"tab": "\ue004", "enter": "\ue007", "space": " "}


class Browser:
    """One window."""

    def __init__(self, driver: str, session: str) -> None:
        self._address = f"{driver}/session/{session}"

    def go(self, url: str) -> None:
        self._call("POST", "/url", url=url)

    def run(self, script: str, *arguments: Any) -> Any:
        """What the JavaScript function body returns."""
        return self._call("POST", "/execute/sync", script=script, args=list(arguments))

    def wait(self, condition: str) -> Any:
        """The first truthy value of a JavaScript expression."""
        return until(lambda: self.run(f"return {condition}"), what=lambda: f"{condition}\n{self.text()[:2000]}")

    def press(self, *keys: str) -> None:
        """Keys of KEYS, or letters."""
        actions = [{"type": kind, "value": KEYS.get(key, key)} for key in keys for kind in ("keyDown", "keyUp")]
        self._call("POST", "/actions", actions=[{"type": "key", "id": "keyboard", "actions": actions}])

    def text(self) -> str:
        return str(self.run("return document.body.innerText"))

    def size(self, width: int, height: int) -> None:
        """The page's size, whatever the window's borders."""
        self.devtools(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )

    def theme(self, name: str) -> None:
        """What the page is told of the user's wish: "light" or "dark"."""
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def devtools(self, method: str, **parameters: Any) -> Any:
        return self._call("POST", "/goog/cdp/execute", cmd=method, params=parameters)

    def screenshot(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self._call("GET", "/screenshot")))

    def complaints(self) -> list[str]:
        """What the browser's console holds: errors of scripts, and what the page's policy refused."""
        return [entry["message"] for entry in self._call("POST", "/se/log", type="browser")]

    def _call(self, method: str, path: str, **members: Any) -> Any:
        return _ask(method, self._address + path, members)


def _ask(method: str, url: str, members: dict[str, Any]) -> Any:
    body = json.dumps(members).encode() if method == "POST" else None
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=GENEROUS_SECONDS) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as error:
        with error:
            raise AssertionError(error.read().decode()[:2000]) from error


def missing() -> str:
    """What has to be installed for a Browser, "" for nothing."""
    return ", ".join(name for name in ("chromium", "chromedriver") if shutil.which(name) is None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A new browser, without anyone's profile."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with TemporaryDirectory(prefix="neo-chromium-", ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            ["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        driver = f"http://127.0.0.1:{port}"
        try:
            until(lambda: _is_ready(driver), what="chromedriver does not answer")
            options = {"binary": shutil.which("chromium"), "args": [*FLAGS, f"--user-data-dir={profile}"]}
            wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
            session = _ask("POST", f"{driver}/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
            yield Browser(driver, session)
            _ask("DELETE", f"{driver}/session/{session}", {})
        finally:
            process.terminate()
            process.wait(GENEROUS_SECONDS)


def _is_ready(driver: str) -> bool:
    try:
        return bool(_ask("GET", f"{driver}/status", {})["ready"])
    except OSError:
        return False
