"""Refuses TensorFlow graphs with operators that touch files or run Python, before TensorFlow loads them.

Loading a SavedModel runs its initializers. Source: tensorflow/python/saved_model/load.py, loader_impl.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

FILES_OF_A_MODEL = ("saved_model.pb", "saved_model.pbtxt")
OTHER_FORM = "saved_model.cpb"
"""A form that TensorFlow reads, too, and would prefer."""

DENIED = re.compile(
    r"(Write|Read|Append)File|MatchingFiles|\w*PyFunc\w*|Print(V2)?|Debug\w+|Copy(Host)?|SaveSlices|Save"
    r"|(Create)?Summary\w*Writer\w*|Write\w*Summary\w*|\w*(File|TFRecord|TextLine|FixedLengthRecord|LMDB)Reader\w*"
    r"|\w*(TFRecord|TextLine|FixedLengthRecord|LMDB|SavedDataset|Snapshot|Load|Save|Cache|Sql|Rpc)Dataset\w*"
    r"|Rpc\w*|TryRpc|Sdca\w*|Boosted\w+|_?(Send|Recv)\w*|Collective\w+|XlaLaunch\w*|LookupTableExport\w*"
)
"""Operators that no model needs and that read or write files, open connections, or call Python."""
SAVERS = re.compile(r"SaveV2|MergeV2Checkpoints|ShardedFilename")
"""In every SavedModel, to save it again; never among what loading or a signature runs."""
INITIALIZERS = ("saved_model_main_op", "legacy_init_op", "saved_model_init_op")


def check_saved(saved: Any, folder: Path) -> None:
    """Raises ValueError for a SavedModel (its protobuf) in `folder` that does more than compute."""
    if any(path.name.casefold() == OTHER_FORM for path in folder.iterdir()):
        raise ValueError(f"{OTHER_FORM} is not read; please save the model without it.")
    for meta in saved.meta_graphs:
        check(meta.graph_def)
        functions = {function.signature.name: function for function in meta.graph_def.library.function}
        exposed = [name for name in meta.object_graph_def.concrete_functions if name in functions]
        inside = (node for name in exposed for node in functions[name].node_def)
        nodes = {node.name: node for node in meta.graph_def.node}
        run = [*inside, *_upstream(nodes, _initializers(meta))]
        for node in _with_callees(run, functions):
            if SAVERS.fullmatch(node.op):
                raise ValueError(f"Its operator {node.name} ({node.op}) writes files.")


def check(graph: Any) -> None:
    """Raises ValueError for a GraphDef with an operator of DENIED, in its functions too."""
    functions = (node for function in graph.library.function for node in function.node_def)
    for node in (*graph.node, *functions):
        if DENIED.fullmatch(node.op):
            raise ValueError(f"Its operator {node.name[:80]} ({node.op}) reads or writes files, or runs other code.")


def _initializers(meta: Any) -> set[str]:
    """Names of the nodes that loading runs."""
    known = [meta.collection_def[key] for key in INITIALIZERS if key in meta.collection_def]
    found = {name for collection in known for name in collection.node_list.value}
    for key, signature in meta.signature_def.items():
        if "init_op" in key:
            found |= {output.name for output in signature.outputs.values()}
    return {_node(name) for name in found}


def _node(name: str) -> str:
    return name.lstrip("^").partition(":")[0]


def _upstream(nodes: dict[str, Any], names: Iterable[str]) -> Iterator[Any]:
    """These nodes and all that they depend on."""
    seen, todo = set[str](), list(names)
    while todo:
        name = todo.pop()
        if name not in seen and name in nodes:
            seen.add(name)
            yield nodes[name]
            todo += map(_node, nodes[name].input)


def _with_callees(nodes: Iterable[Any], functions: dict[str, Any]) -> Iterator[Any]:
    """These nodes and those of all functions that they call."""
    seen, todo = set[str](), list(nodes)
    while todo:
        node = todo.pop()
        yield node
        named = [attribute.func.name for attribute in node.attr.values()]
        named += [each.name for attribute in node.attr.values() for each in attribute.list.func]
        for name in {node.op, *named} & functions.keys() - seen:
            seen.add(name)
            todo += functions[name].node_def
