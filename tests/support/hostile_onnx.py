"""ONNX models that nobody should load, made by code; hostile_onnx_run imports them."""

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
Files = dict[str, bytes]


def graph_of(
    nodes: list[Any], weights: list[Any], shape: Any = (1, 4), output: str = "y", out_shape: Any = ("a", "b")
) -> Any:
    ends = [
        [helper.make_tensor_value_info("x", FLOAT, shape)],
        [helper.make_tensor_value_info(output, FLOAT, out_shape)],
    ]
    return helper.make_graph(nodes, "g", *ends, weights)


def model(nodes: list[Any], weights: list[Any], **more: Any) -> Any:
    return helper.make_model(
        graph_of(nodes, weights, **more), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )


def add(weight: Any, **more: Any) -> Any:
    return model([helper.make_node("Add", ["x", weight.name], ["y"])], [weight], **more)


def external(
    location: str | None, size: int = 16, name: str = "w", dims: tuple[int, ...] = (4,), **more: object
) -> Any:
    tensor = TensorProto(name=name, data_type=FLOAT, dims=dims, data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, "offset": 0, "length": size, **more}.items():
        if value is not None:
            tensor.external_data.add(key=key, value=str(value))
    return tensor


def files(made: Any, **more: bytes) -> Files:
    return {"m.onnx": made.SerializeToString(), **{name.replace("__", "."): data for name, data in more.items()}}


def in_constant(location: str) -> Files:
    """External data in the attribute of a node in the branch of an If."""
    inner = helper.make_graph(
        [helper.make_node("Constant", [], ["c"], value=external(location, name=""))],
        "b",
        [],
        [helper.make_tensor_value_info("c", FLOAT, [4])],
    )
    condition = numpy_helper.from_array(np.array(True), "k")
    node = helper.make_node("If", ["k"], ["i"], then_branch=inner, else_branch=inner)
    return files(model([node, helper.make_node("Add", ["x", "i"], ["y"])], [condition]))


def in_sparse(location: str) -> Files:
    values, indices = external(location, name="s"), numpy_helper.from_array(np.arange(4), "i")
    sparse = helper.make_sparse_tensor(values, indices, [8])
    made = add(numpy_helper.from_array(np.ones(4, "f4"), "w"))
    made.graph.sparse_initializer.append(sparse)
    return files(made)


def nested_if(depth: int) -> Files:
    def branch(level: int) -> Any:
        out = [helper.make_tensor_value_info(f"o{level}", FLOAT, [1, 4])]
        if level == depth:
            return helper.make_graph([helper.make_node("Identity", ["x"], [f"o{level}"])], "b", [], out)
        inner = branch(level + 1)
        node = helper.make_node("If", ["k"], [f"o{level}"], then_branch=inner, else_branch=inner)
        return helper.make_graph([node], "b", [], out)

    top = branch(0)
    condition = numpy_helper.from_array(np.array(True), "k")
    return files(model([*top.node, helper.make_node("Identity", ["o0"], ["y"])], [condition]))


def raw_nesting(depth: int) -> Files:
    """graph { node { attribute { g { ... } } } } by hand: protobuf's own writers refuse it."""

    def field(number: int, data: bytes) -> bytes:
        size, length = b"", len(data)
        while length > 127:
            size += bytes([length & 127 | 128])
            length >>= 7
        return bytes([number << 3 | 2]) + size + bytes([length]) + data

    data = b""
    for _ in range(depth):
        data = field(1, field(5, field(6, data)))
    return {"m.onnx": field(7, data)}


def calls_itself() -> Files:
    body = [helper.make_node("Loop_", ["a"], ["b"], domain="evil")]
    function = helper.make_function("evil", "Loop_", ["a"], ["b"], body, [helper.make_opsetid("evil", 1)])
    made = helper.make_model(
        graph_of([helper.make_node("Loop_", ["x"], ["y"], domain="evil")], []),
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("evil", 1)],
        functions=[function],
        ir_version=8,
    )
    return files(made)


def doubling(rounds: int) -> Files:
    """Each node concatenates its input with itself: 2^rounds elements, all constant."""
    nodes = [helper.make_node("Concat", [f"c{i}", f"c{i}"], [f"c{i + 1}"], axis=0) for i in range(rounds)]
    nodes.append(helper.make_node("Add", ["x", f"c{rounds}"], ["y"]))
    return files(model(nodes, [numpy_helper.from_array(np.ones(4, "f4"), "c0")]))


def constant_of_shape(*dims: int) -> Files:
    shape = numpy_helper.from_array(np.array(dims, "i8"), "s")
    nodes = [helper.make_node("ConstantOfShape", ["s"], ["c"]), helper.make_node("Add", ["x", "c"], ["y"])]
    return files(model(nodes, [shape]))


def hidden_size(operator: str) -> Files:
    """A size that shape inference cannot follow: it goes through a float."""
    nodes = [
        helper.make_node("Floor", ["f"], ["g"]),
        helper.make_node("Cast", ["g"], ["s"], to=INT64),
        helper.make_node(operator, ["s"] if operator == "ConstantOfShape" else ["one", "s"], ["c"]),
        helper.make_node("Add", ["x", "c"], ["y"]),
    ]
    size = numpy_helper.from_array(np.array([2.0**36], "f4"), "f")
    return files(model(nodes, [size, numpy_helper.from_array(np.ones(1, "f4"), "one")]))


def endless_range() -> Files:
    numbers = [numpy_helper.from_array(np.array(v, "i8"), n) for n, v in (("a", 0), ("b", 1 << 40), ("c", 1))]
    nodes = [
        helper.make_node("Range", ["a", "b", "c"], ["r"]),
        helper.make_node("Cast", ["r"], ["f"], to=FLOAT),
        helper.make_node("Add", ["x", "f"], ["y"]),
    ]
    return files(model(nodes, numbers))


def declared(*dims: int, raw: bytes = b"") -> Files:
    return files(add(TensorProto(name="w", data_type=FLOAT, dims=dims, raw_data=raw)))


def bad_text() -> Files:
    data = files(add(numpy_helper.from_array(np.ones(4, "f4"), "wwww")))["m.onnx"]
    return {"m.onnx": data.replace(b"wwww", b"\xff\xfe\xfd\xfc")}


def bad_input_name() -> Files:
    made = model([helper.make_node("Relu", ["xxxx"], ["y"])], [])
    made.graph.input[0].name = "xxxx"
    return {"m.onnx": made.SerializeToString().replace(b"xxxx", b"\xff\xfe\xfd\xfc")}


def odd(change: Callable[[Any], None]) -> Files:
    made = add(numpy_helper.from_array(np.ones(4, "f4"), "w"))
    change(made)
    return files(made)


def cycle() -> Files:
    nodes = [helper.make_node("Add", ["x", "b"], ["a"]), helper.make_node("Add", ["a", "x"], ["b"])]
    return files(model([*nodes, helper.make_node("Relu", ["b"], ["y"])], []))


def shared_bomb() -> Files:
    """200 weights, each the whole of one file of zeros: 1 MB in the archive, 3.2 GB in memory."""
    weights = [external("zeros.bin", 16 << 20, f"w{i}", (4 << 20,)) for i in range(200)]
    nodes = [helper.make_node("Sum", ["x", *(w.name for w in weights)], ["y"])]
    return files(model(nodes, weights, shape=(1, 1)), zeros__bin=bytes(16 << 20))


CASES: dict[str, Callable[[], Files]] = {
    "external parent": lambda: files(add(external("../../etc/passwd"))),
    "external far parent": lambda: files(add(external("../" * 40 + "etc/passwd"))),
    "external parent behind a folder": lambda: files(add(external("a/../../../../../../../../../etc/passwd"))),
    "external absolute": lambda: files(add(external("/etc/passwd"))),
    "external proc": lambda: files(add(external("/proc/self/environ"))),
    "external device": lambda: files(add(external("/dev/zero", 1 << 40))),
    "external url": lambda: files(add(external("file:///etc/passwd"))),
    "external empty": lambda: files(add(external(""))),
    "external folder": lambda: files(add(external("."))),
    "external NUL": lambda: files(add(external("w.bin\0/../../etc/passwd")), w__bin=bytes(16)),
    "external symlink": lambda: files(add(external("link.bin"))),
    "external link to a folder": lambda: files(add(external("linked/passwd"))),
    "external missing": lambda: files(add(external("missing.bin"))),
    "external no location": lambda: files(add(external(None)), w__bin=bytes(16)),
    "external negative offset": lambda: files(add(external("w.bin", offset=-8)), w__bin=bytes(16)),
    "external huge offset": lambda: files(add(external("w.bin", offset=1 << 62)), w__bin=bytes(16)),
    "external negative length": lambda: files(add(external("w.bin", -1)), w__bin=bytes(16)),
    "external huge length": lambda: files(add(external("w.bin", 1 << 62)), w__bin=bytes(16)),
    "external length is no number": lambda: files(add(external("w.bin", length="9" * 5000)), w__bin=bytes(16)),
    "external short": lambda: files(add(external("w.bin", 4)), w__bin=bytes(16)),
    "external in a branch": lambda: in_constant("../../etc/passwd"),
    "external in a sparse tensor": lambda: in_sparse("../../etc/passwd"),
    "external shared bomb": shared_bomb,
    "If of 12 levels": lambda: nested_if(12),
    "raw nesting of 33": lambda: raw_nesting(33),
    "raw nesting of 5000": lambda: raw_nesting(5000),
    "function that calls itself": calls_itself,
    "doubling 40 times": lambda: doubling(40),
    "ConstantOfShape": lambda: constant_of_shape(1 << 20, 1 << 20),
    "ConstantOfShape overflow": lambda: constant_of_shape(1 << 32, 1 << 32),
    "ConstantOfShape negative": lambda: constant_of_shape(-5),
    "hidden ConstantOfShape": lambda: hidden_size("ConstantOfShape"),
    "hidden Expand": lambda: hidden_size("Expand"),
    "hidden Tile": lambda: hidden_size("Tile"),
    "endless Range": endless_range,
    "declared without data": lambda: declared(1 << 20, 1 << 20),
    "declared overflow": lambda: declared(1 << 32, 1 << 32),
    "declared negative": lambda: declared(-4),
    "declared with little data": lambda: declared(1 << 30, raw=b"1234"),
    "bad text in a name": bad_text,
    "bad text in an input's name": bad_input_name,
    "no such data type": lambda: odd(lambda m: setattr(m.graph.initializer[0], "data_type", 12345)),
    "input of no type": lambda: odd(lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", 999)),
    "opset of the far future": lambda: odd(lambda m: setattr(m.opset_import[0], "version", 1 << 40)),
    "negative opset": lambda: odd(lambda m: setattr(m.opset_import[0], "version", -1)),
    "ir of the far future": lambda: odd(lambda m: setattr(m, "ir_version", 1 << 40)),
    "input of huge size": lambda: odd(
        lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[0], "dim_value", 1 << 62)
    ),
    "no output": lambda: odd(lambda m: m.graph.ClearField("output")),
    "output from nowhere": lambda: odd(lambda m: setattr(m.graph.output[0], "name", "nowhere")),
    "two inputs of one name": lambda: odd(lambda m: m.graph.input.append(m.graph.input[0])),
    "node without a name for what it makes": lambda: odd(lambda m: m.graph.node[0].ClearField("output")),
    "cycle": cycle,
    "training info": lambda: odd(lambda m: m.training_info.add()),
    "pickle": lambda: {"m.onnx": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x0atouch evil\x85R."},
    "zip": lambda: {"m.onnx": b"PK\x03\x04" + bytes(100)},
    "zeros": lambda: {"m.onnx": bytes(1000)},
    "length beyond the end": lambda: {"m.onnx": b"\x3a\xff\xff\xff\xff\x07"},
    "onnx text format": lambda: {
        "m.onnx": b'<ir_version: 8, opset_import: ["": 17]> g (float[4] x) => (float[4] y) { y = Relu(x) }'
    },
}


HARMLESS = ("If of 12 levels", "bad text in a name", "training info")
"""These are imported like any other model."""
