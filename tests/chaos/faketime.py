"""libfaketime lets every time.sleep of Python 3.11 fail with EINVAL (clock_nanosleep with an absolute time)."""

import os
import select
import time

if "FAKETIME_TIMESTAMP_FILE" in os.environ:
    time.sleep = lambda seconds: select.select([], [], [], seconds) and None  # type: ignore[func-returns-value]
