"""Run by the python that has the stock dlr package: what its users do with an artifact. No tvm, no neo-emulator.

`client.py SCENARIO JSON` calls the function of that name and prints what it gives back as JSON.
"""

import ctypes
import json
import os
import sys
import threading
import time
from pathlib import Path

import numpy as np
from dlr import DLRModel
from dlr.counter.phone_home import PhoneHome


def run(folder, inputs, outputs, as_array=False):
    """Runs a model on the arrays of an .npz; writes the outputs to another."""
    arrays = dict(np.load(inputs))
    model = DLRModel(folder, "cpu")
    found = model.run(next(iter(arrays.values())) if as_array else arrays)
    np.savez(outputs, **dict(zip(model.get_output_names(), found, strict=True)))
    return {
        "inputs": dict(zip(model.get_input_names(), model.get_input_dtypes(), strict=True)),
        "outputs": dict(zip(model.get_output_names(), model.get_output_dtypes(), strict=True)),
        "shapes": [list(map(int, array.shape)) for array in found],
        "tvm": "tvm" in sys.modules,
        "phone_home": bool(PhoneHome.is_enabled()),
        "metadata": model._impl.has_metadata(),
        "version": model.get_version(),
        "weights": len(model._impl.weight_names),
    }


def refusals(folder, inputs):
    """The error of each wrong use, then whether the model still works."""
    arrays = dict(np.load(inputs))
    model = DLRModel(folder, "cpu")
    name, array = next(iter(arrays.items()))
    expected = model.run(arrays)
    library = model._impl._lib
    wrong = {
        "name": lambda: model.run({"nonsense": array}),
        "shape": lambda: model.run({name: array[..., :-1]}),
        "dtype": lambda: model.run({name: array.astype("float64")}),
        "library name": lambda: model._impl._check_call(
            library.SetDLRInput(ctypes.byref(model._impl.handle), b"nonsense", None, array.ctypes, 0)
        ),
        "index": lambda: model._impl._get_output_shape(99),
        "negative index": lambda: model._impl._get_input_name(-1),
        "null": lambda: model._impl._check_call(library.RunDLRModel(ctypes.byref(ctypes.c_void_p()))),
    }
    result = {key: _error(call) for key, call in wrong.items()}
    result["still works"] = all(np.array_equal(a, b) for a, b in zip(model.run(arrays), expected, strict=True))
    return result


def cannot_load(folder, device="cpu"):
    """The error of loading a model."""
    return _error(lambda: DLRModel(folder, device))


def threads(folders, inputs, count, rounds):
    """Two models, `count` threads with models of their own: how many runs gave other numbers than the first ones."""
    feeds = [dict(np.load(path)) for path in inputs]
    expected = [DLRModel(folder, "cpu").run(feed) for folder, feed in zip(folders, feeds, strict=True)]
    wrong = []

    def work(number):
        which = number % len(folders)
        model = DLRModel(folders[which], "cpu")
        for _ in range(rounds):
            found = model.run(feeds[which])
            if not all(np.array_equal(a, b) for a, b in zip(found, expected[which], strict=True)):
                wrong.append(number)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return len(wrong)


def leak(folder, inputs, times, warm_up):
    """How many bytes of memory `times` rounds of load, run and delete add after `warm_up` of them; files left open."""
    feed = dict(np.load(inputs))
    for number in range(warm_up + times):
        if number == warm_up:
            before = _resident_bytes()
        DLRModel(folder, "cpu").run(feed)
    maps = Path("/proc/self/maps").read_text().splitlines()
    mapped = sum(line.endswith(("compiled.so", "compiled.params")) for line in maps)
    threads = len(list(Path("/proc/self/task").iterdir()))
    return {"grown_bytes": _resident_bytes() - before, "threads": threads, "mapped": mapped}


def fork(folder, inputs):
    """Whether a forked child gets its parent's numbers from its parent's model."""
    feed = dict(np.load(inputs))
    model = DLRModel(folder, "cpu")
    expected = model.run(feed)
    child = os.fork()
    if child == 0:
        same = all(np.array_equal(a, b) for a, b in zip(model.run(feed), expected, strict=True))
        os._exit(0 if same else 1)
    return os.waitpid(child, 0)[1]


def latency(folder, inputs, rounds):
    """Milliseconds: of loading, and of each run."""
    feed = dict(np.load(inputs))
    begun = time.perf_counter()
    model = DLRModel(folder, "cpu")
    load = time.perf_counter() - begun
    model.run(feed)
    runs = []
    for _ in range(rounds):
        begun = time.perf_counter()
        model.run(feed)
        runs.append((time.perf_counter() - begun) * 1e3)
    return {"load": load * 1e3, "runs": runs}


def _error(call):
    try:
        call()
    except Exception as error:
        return [type(error).__name__, str(error)]
    return ["", ""]


def _resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](**json.loads(sys.argv[2]))))
