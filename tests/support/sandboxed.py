"""For tests that need the complete sandbox of compiles."""

import pytest

from neo_workers.sandbox import confinement

LACKS = confinement.strength().lacks
NEEDS_SANDBOX = pytest.mark.skipif(bool(LACKS), reason=f"this kernel: {'; '.join(LACKS)}")
