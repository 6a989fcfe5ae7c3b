"""The model files that once ran code in the compiler: python -m support.hostile_models FOLDER OUTSIDE LIBRARY.

Each, should its code run, writes a file below OUTSIDE. Needs torch; the SavedModel needs TensorFlow, and is left out
without it. LIBRARY is a shared library whose constructor writes there.
"""

import importlib.util
import json
import sys
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

Members = list[tuple[str, bytes]]


def members(path: Path) -> Members:
    with zipfile.ZipFile(path) as archive:
        return [(item.filename, archive.read(item)) for item in archive.infolist()]


def write(path: Path, contents: Iterable[tuple[str, bytes]]) -> None:
    """A zip of these members in this order, names twice where they are twice."""
    import warnings

    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore")  # of two members of one name
        for name, data in contents:
            archive.writestr(name, data)


def torchscript(folder: Path, outside: Path) -> None:
    """Code in a member that our check took for none, and in the first of two members of one name."""
    import torch

    source = f"""
import torch


class Net(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        torch.save(x, {str(outside / "torchscript")!r})
        return x + 1
"""
    script = folder / "writer.py"
    script.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("writer", script)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["writer"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    path = folder / "made.pt"
    torch.jit.script(module.Net()).save(str(path))
    evil = members(path)
    script.unlink()
    path.unlink()
    code = next(name for name, _ in evil if name.endswith(".py"))
    write(folder / "case.pt", [(name.replace(code, code.replace(".py", ".PY")), data) for name, data in evil])
    write(folder / "twice.pt", [*evil, (code, b"nothing of note")])


def exported(folder: Path, outside: Path, library: Path) -> None:
    import torch

    class Net(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.reshape(x.shape[0] * 4) + 1

    size = torch.export.Dim("n", min=2, max=99)
    program = torch.export.export(Net(), (torch.zeros(3, 4),), dynamic_shapes={"x": {0: size}})
    path = folder / "made.pt2"
    torch.export.save(program, path)
    plain = members(path)
    path.unlink()
    root = plain[0][0].split("/")[0]
    model = f"{root}/data/aotinductor/model/c.wrapper"
    added = [(f"{model}.so", library.read_bytes()), (f"{model}_metadata.json", b'{"AOTI_DEVICE_KEY": "cpu"}')]
    write(folder / "inductor.pt2", [*plain, *added])

    evil = f"__import__('pathlib').Path({str(outside / 'expression')!r}).write_text('x')"

    def changed(name: str, data: bytes) -> bytes:
        def walk(value: object) -> object:
            if isinstance(value, dict):
                return {key: evil if key == "expr_str" else walk(item) for key, item in value.items()}
            return [walk(item) for item in value] if isinstance(value, list) else value

        return json.dumps(walk(json.loads(data))).encode() if name.endswith("models/model.json") else data

    renamed = [(name.replace("models/model.json", "models/model.JSON"), changed(name, data)) for name, data in plain]
    decoy = [(f"{root}/x/{name.split('/', 1)[1]}", data) for name, data in plain if name.endswith("models/model.json")]
    write(folder / "expression.pt2", [*renamed, *decoy])


def saved_model(folder: Path, outside: Path) -> None:
    import tensorflow as tf

    class Writer(tf.saved_model.experimental.TrackableResource):  # type: ignore[misc]
        def _create_resource(self) -> object:
            return tf.raw_ops.MutableHashTableV2(key_dtype=tf.string, value_dtype=tf.int64)

        def _initialize(self) -> None:
            tf.io.write_file(str(outside / "savedmodel"), "x")

        def _destroy_resource(self) -> None:
            pass

    class Net(tf.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.writer = Writer()

        @tf.function(input_signature=[tf.TensorSpec([1, 4], tf.float32, "x")])  # type: ignore[untyped-decorator]
        def serve(self, x: object) -> object:
            self.writer.resource_handle  # noqa: B018 - the resource is part of the function
            return {"y": tf.nn.relu(x)}

    net = Net()
    tf.saved_model.save(net, str(folder / "saved"), signatures={"serving_default": net.serve})


def load_unchecked(folder: Path) -> dict[str, str]:
    """What each of them comes to when the framework loads and runs it with no check of ours before it."""
    import torch

    def torchscript_runs(name: str) -> object:
        return torch.jit.load(str(folder / name))(torch.zeros(1, 4))

    def saved() -> object:
        import tensorflow as tf

        return tf.saved_model.load(str(folder / "saved"))

    attempts: dict[str, Callable[[], object]] = {
        "case.pt": lambda: torchscript_runs("case.pt"),
        "twice.pt": lambda: torchscript_runs("twice.pt"),
        "inductor.pt2": lambda: torch.export.load(str(folder / "inductor.pt2")),
        "expression.pt2": lambda: torch.export.load(str(folder / "expression.pt2")),
    }
    if (folder / "saved").exists():
        attempts["saved"] = saved
    said = {}
    for name, attempt in attempts.items():
        try:
            said[name] = f"loaded {type(attempt()).__name__}"
        except BaseException as error:
            said[name] = f"{type(error).__name__}: {' '.join(str(error).split())[-300:]}"
    return said


if __name__ == "__main__":
    where, beyond, so = map(Path, sys.argv[1:4])
    torchscript(where, beyond)
    exported(where, beyond, so)
    if importlib.util.find_spec("tensorflow"):
        saved_model(where, beyond)
