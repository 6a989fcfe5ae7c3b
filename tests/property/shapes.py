"""Hypothesis strategies made from botocore's shapes: requests that keep every constraint, and ones that break some."""

from typing import Any

from hypothesis import strategies as st

from neo_emulator.protocol import constraints

MAX_ITEMS = 4
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 70), 1 << 70),
    st.floats(),
    st.text(st.characters(), max_size=20),  # lone surrogates too
    st.sampled_from(["", "a_b", "x" * 300, "s3://", "ml_c99", "\x00", "é" * 70]),
    st.lists(st.none() | st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
)


def valid(shape: Any) -> st.SearchStrategy[Any]:
    """Values that botocore's model allows for `shape`."""
    if shape.type_name == "structure":
        every = {name: valid(member) for name, member in shape.members.items()}
        optional = {name: made for name, made in every.items() if name not in shape.required_members}
        return st.fixed_dictionaries({name: every[name] for name in shape.required_members}, optional=optional)
    low, high = int(shape.metadata.get("min", 0)), int(shape.metadata.get("max", 1 << 30))
    if shape.type_name == "list":
        return st.lists(valid(shape.member), min_size=low, max_size=min(high, max(low, MAX_ITEMS)))
    if shape.type_name == "string":
        return _string(shape, low, high)
    if shape.type_name == "timestamp":
        return st.floats(0, 4e9)
    assert shape.type_name == "integer", shape
    return st.integers(low, high)


def _string(shape: Any, low: int, high: int) -> st.SearchStrategy[str]:
    if "enum" in shape.metadata:
        return st.sampled_from(shape.metadata["enum"])
    pattern = shape.metadata.get("pattern")
    if pattern is None:
        return st.text(min_size=low, max_size=min(high, low + 20))
    keeps = constraints.python_pattern(pattern)
    made = st.from_regex(keeps, fullmatch=True)
    return made.filter(lambda text: low <= len(text) <= high and keeps.fullmatch(text) is not None)


def untangled(request: Any) -> Any:
    """A Create without what excludes each other; otherwise seven in eight would be refused for the same reasons."""
    output = request["OutputConfig"]
    if "InputConfig" in request:
        request.pop("ModelPackageVersionArn", None)
        if "TargetDevice" in output:
            output.pop("TargetPlatform", None)
            request["InputConfig"].pop("FrameworkVersion", None)
    return request


@st.composite
def broken(draw: st.DrawFn, shape: Any) -> Any:
    """A valid request in which one to three values, at any depth, were replaced by junk, dropped or added."""
    request = draw(valid(shape))
    for _ in range(draw(st.integers(1, 3))):
        holder: Any = request
        while True:
            keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(holder[key], dict | list) and draw(st.booleans()):
                holder = holder[key]
                continue
            if draw(st.booleans()):
                holder[key] = draw(JUNK)
            else:
                del holder[key]
            break
        if isinstance(holder, dict) and draw(st.booleans()):
            holder[draw(st.text(max_size=8) | st.sampled_from(["InputConfig", "Tags", "VpcConfig"]))] = draw(JUNK)
    return request
