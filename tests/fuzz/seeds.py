"""What the fuzzer starts from: the corpora of hostile input, ordinary input, and files in tests/fuzz/corpus/<target>.

A crash that `make fuzz` finds is put there; the tests run every seed.
"""

from pathlib import Path

from support.hostile_archives import HARMLESS, REFUSED
from support.hostile_texts import TEXTS

CORPUS = Path(__file__).parent / "corpus"
MAX_SEED_BYTES = 64 << 10

GOOD_TEXTS = (
    '{"data": [1, 3, 224, 224]}',
    "{'a': (1, 2), 'b': {'shape': [-1, 4]}}",
    "[[1, 3], [2]]",
    "{'mcpu': 'skylake', 'mattr': ['+avx2']}",
    "{'gpu-code': 'sm_72', 'trt-ver': '6.0.1', 'cuda-ver': '10.1'}",
    "{'dtype': 'float32'}",
)


def seeds(target: str) -> dict[str, bytes]:
    """Every seed of a target by name."""
    if target == "archive":
        made = {name: make() for name, make in REFUSED.items()} | {name: make() for name, (make, _) in HARMLESS.items()}
    else:
        texts = {**TEXTS, **{f"good {index}": text for index, text in enumerate(GOOD_TEXTS)}}
        made = {name: text.encode(errors="surrogatepass") for name, text in texts.items()}
    found = {path.name: path.read_bytes() for path in sorted((CORPUS / target).glob("*"))}
    return {name: data for name, data in (made | found).items() if len(data) <= MAX_SEED_BYTES}
