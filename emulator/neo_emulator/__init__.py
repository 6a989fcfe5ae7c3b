"""A local stand-in for Amazon SageMaker Neo: boto3's compilation jobs on one endpoint with moto, compiled by Apache TVM."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("neo-emulator")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"
