import collections
import datetime
import pickle
import re
import subprocess

import pytest
from moto.core.utils import utcnow

from neo_emulator.aws.persistence import pickling


class Attack:
    def __init__(self, function: object, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> object:
        return self.call


@pytest.mark.parametrize("function", [subprocess.getoutput, eval, getattr, subprocess.Popen, utcnow])
def test_foreign_functions_and_classes_are_refused(function: object) -> None:
    data = pickle.dumps(Attack(function, "touch /tmp/neo-attack"), 5)
    with pytest.raises(pickle.UnpicklingError, match="is not allowed in a data folder"):
        pickling.load(data)


@pytest.mark.parametrize("name", ["tempfile.mkdtemp", "threading.Thread"])
def test_what_a_module_of_moto_imports_is_refused(name: str) -> None:
    words = [b"\x8c" + bytes([len(word)]) + word.encode() for word in ("moto.s3.models", name)]
    with pytest.raises(pickle.UnpicklingError, match=f"{name} is not allowed"):
        pickling.load(b"\x80\x04" + b"".join(words) + b"\x93.")


def test_plain_data_comes_back() -> None:
    value = {
        "when": datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
        "set": {1, 2},
        "default": collections.defaultdict(list, {"a": [1]}),
        "pattern": re.compile("a+"),
    }
    data, bodies = pickling.dump(value)
    assert pickling.load(data) == value
    assert bodies == []
