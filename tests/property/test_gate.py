"""NEO_EMULATOR_AUTH=sigv4: what a request was judged to be is what moto then does, for any request."""

import warnings

from fuzz import gate


def test_moto_does_what_was_judged() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # moto's own, of Python's future
        seen, found = gate.run(1500, seed=11)
    assert found == []
    assert seen["refused"] > 500
    assert min(seen[kind] for kind in ("s3:GetObject", "s3:ListBucket", "signed s3", "signed sts")) > 3
