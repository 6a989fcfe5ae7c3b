"""An alias of neo_emulator.testing.pytest_plugin, for `pytest -p neo_emulator.pytest_plugin` where autoload is off."""

from neo_emulator.testing.pytest_plugin import *  # noqa: F403
