"""The version of this package."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("neo-emulator")
except PackageNotFoundError:  # a source tree that was never installed
    VERSION = "0+unknown"
