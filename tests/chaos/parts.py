"""What a stack is made of: processes that can be killed and started again, and hosts to run them on."""

import os
import signal
import subprocess
from pathlib import Path

from support.waiting import GENEROUS_SECONDS

from neo_workers.sandbox import process_tree


class Part:
    """One process, which can be started again."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str], log: Path) -> None:
        self.name, self.command, self.environment, self.log = name, command, environment, log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Part":
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=process_tree.die_with_parent,  # should the tests themselves be killed
                start_new_session=True,
            )
        return self

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-1500:]

    def send(self, number: signal.Signals) -> None:
        if self.alive:
            os.kill(self.pid, number)

    def kill(self) -> None:
        if self.process is not None:
            self.send(signal.SIGKILL)
            self.wait()

    def wait(self) -> int:
        """The exit status, once it has ended."""
        assert self.process is not None
        return self.process.wait(GENEROUS_SECONDS)


class Host:
    """A network namespace with an address of its own, beside this machine. Needs root and iproute2."""

    def __init__(self, number: int) -> None:
        self.name = f"neo{os.getpid()}-{number}"
        self.device = f"nv{os.getpid() % 100000}-{number}"
        net = f"10.{100 + os.getpid() % 100}.{number}"  # others may test on this machine too
        self.gateway, self.address = f"{net}.1", f"{net}.2"
        self.run = ("ip", "netns", "exec", self.name)

    def __enter__(self) -> "Host":
        inside = ("-n", self.name)
        for words in (
            ("netns", "add", self.name),
            ("link", "add", self.device, "type", "veth", "peer", "name", "eth0", "netns", self.name),
            ("addr", "add", f"{self.gateway}/30", "dev", self.device),
            ("link", "set", self.device, "up"),
            (*inside, "addr", "add", f"{self.address}/30", "dev", "eth0"),
            (*inside, "link", "set", "eth0", "up"),
            (*inside, "link", "set", "lo", "up"),
        ):
            subprocess.run(["ip", *words], check=True, capture_output=True)
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["ip", "link", "del", self.device], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)
