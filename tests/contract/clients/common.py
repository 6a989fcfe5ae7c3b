"""What the client scripts share. They run in their own environments, so this needs the standard library alone."""

import json
import os
import urllib.request

ROLE = "arn:aws:iam::123456789012:role/neo"
MODEL, SHAPE = "s3://neo/conv.tar.gz", '{"data": [1, 3, 32, 32]}'


def control(page, **members):
    """Asks the emulator itself: control("pace", min_run_seconds=60)."""
    url = f"{os.environ['AWS_ENDPOINT_URL']}/_neo/{page}"
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(members).encode()), timeout=60) as answer:
        return json.load(answer)


def expect(got, wanted):
    """Ends the script when these differ."""
    assert got == wanted, f"{got!r} is not {wanted!r}"
