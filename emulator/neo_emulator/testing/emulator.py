"""An emulator for the length of a `with` block or of a function call, for scripts and notebooks.

from neo_emulator import NeoEmulator

with NeoEmulator() as neo:
    neo.sagemaker.create_compilation_job(...)
    neo.wait("my-job")

@NeoEmulator(min_run_seconds=2)
def check(neo): ...
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from neo_emulator.testing.server_process import ServerProcess

PARAMETER = "neo"
"""A decorated function with a parameter of this name gets the emulator."""

_OTHER_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_SAGEMAKER", "AWS_SESSION_TOKEN", "AWS_PROFILE")
"""Environment variables that would override AWS_ENDPOINT_URL and the keys."""


class NeoEmulator(ServerProcess):
    """The complete stack on a free port, in separate processes that never outlive this one.

    `settings` are NEO_EMULATOR_* names in lower case: min_run_seconds=2, data_dir="state", workers=1. While it runs,
    boto3 clients created without an endpoint use it too: AWS_ENDPOINT_URL and valid credentials are set in
    os.environ, unless `environ=False`.
    """

    def __init__(self, *, environ: bool = True, timeout_seconds: float = 60.0, **settings: object) -> None:
        super().__init__(timeout_seconds=timeout_seconds, **settings)
        self._environ = environ
        self._replaced: dict[str, str | None] | None = None
        self._again = functools.partial(type(self), environ=environ, timeout_seconds=timeout_seconds, **settings)

    def start(self) -> Self:
        """Starts the emulator and waits until it accepts jobs; for notebooks, instead of `with`. See `stop`."""
        super().start()
        if self._environ and self._replaced is None:
            ours = self.environment()
            self._replaced = {name: os.environ.get(name) for name in (*ours, *_OTHER_ENDPOINTS)}
            for name in _OTHER_ENDPOINTS:
                os.environ.pop(name, None)
            os.environ.update(ours)
        return self

    def stop(self) -> None:
        """Stops the emulator and restores os.environ."""
        super().stop()
        replaced, self._replaced = self._replaced or {}, None
        for name, value in replaced.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Decorates `function`: each call runs with a new emulator."""
        signature = inspect.signature(function)
        given = PARAMETER in signature.parameters

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with self._again() as neo:
                return function(*args, **kwargs, **({PARAMETER: neo} if given else {}))

        # otherwise pytest would look for a fixture with that name
        kept = [item for name, item in signature.parameters.items() if name != PARAMETER]
        call.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]
        return call
