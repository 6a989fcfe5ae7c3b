"""Texts that nobody should evaluate, as DataInputConfig (AWS takes 16384 characters of it) and CompilerOptions."""

LONG = 16_000


def nested(left: str, right: str = "", inner: str = "1", depth: int = LONG) -> str:
    depth = min(depth, LONG // max(1, len(left) + len(right)))
    return left * depth + inner + right * depth


TEXTS: dict[str, str] = {
    # depth
    "lists": nested("[", "]"),
    "dictionaries": nested('{"a":', "}"),
    "tuples": nested("(", ",)"),
    "sets": nested("{", "}"),
    "lists in a shape": '{"data": ' + nested("[", "]", depth=4000) + "}",
    "lists in a shape, not too deep": '{"data": ' + nested("[", "]", depth=300) + "}",
    "dictionaries in a shape": '{"data": ' + nested('{"shape":', "}", "[1]", depth=900) + "}",
    "open lists": "[" * LONG,
    "open dictionaries": '{"a":' * (LONG // 5),
    "minus": nested("-"),
    "not": nested("not "),
    "plus": "1" + "+1" * (LONG // 2),
    "power": "2" + "**9" * (LONG // 3),
    "comparison": "1" + "<1" * (LONG // 2),
    "calls": nested("f(", ")"),
    "attributes": "a" + ".a" * (LONG // 2),
    "indices": "a" + "[0]" * (LONG // 3),
    "lambdas": nested("lambda:"),
    "f-strings": "f\"{f'{1}'}\"" * 1000,
    "ternaries": "1 " + "if 1 else 1 " * (LONG // 12),
    # numbers
    "many digits": '{"data": [' + "9" * LONG + "]}",
    "some digits": '{"data": [' + "9" * 4200 + "]}",
    "hex digits": "{'data': [0x" + "f" * LONG + "]}",
    "hex key": "{0x" + "f" * LONG + ": [1]}",
    "binary digits": "{'data': [0b" + "1" * LONG + "]}",
    "huge exponent": '{"data": [1e99999]}',
    "long fraction": '{"data": [0.' + "1" * LONG + "]}",
    "NaN": '{"data": [NaN, 1]}',
    "Infinity": '{"data": [1, Infinity]}',
    "minus zero": '{"data": [-0]}',
    "2**63": '{"data": [9223372036854775808]}',
    "complex": "{'data': [1+2j]}",
    "underscores": "{'data': [1_000.5]}",
    "true": '{"data": [true]}',
    # code
    "import": "__import__('os').system('touch evil')",
    "import in a shape": "{'data': [__import__('os').system('touch evil')]}",
    "open": "open('evil', 'w')",
    "class walk": "().__class__.__mro__[1].__subclasses__()",
    "comprehension": "[x for x in range(10**12)]",
    "multiplication": "[1] * 10**12",
    "text times": "'a' * 10**12",
    "format string": "{'data': '%1000000000d' % 1}",
    "walrus": "(a := 1)",
    "pickle": "cos\nsystem\n(S'touch evil'\ntR.",
    "yaml": "!!python/object/apply:os.system ['touch evil']",
    # text
    "NUL": '{"da\0ta": [1]',
    "NUL in JSON": '{"da\\u0000ta": [1, "x"]}',
    "half a character": '{"\\ud800": ["\\udfff"]}',
    "real half a character": '{"\ud800": ["\udfff"]}',
    "bytes": "{b'data': [b'1']}",
    "bad escape": "{'\\N{NO SUCH NAME}': [1]}",
    "right to left": '{"\u202edata": ["\u202e"]}',
    "byte order mark": '\ufeff{"data": "x"}',
    "blanks": " " * LONG,
    "newlines": "\n" * LONG + "{",
    "tabs and spaces": "\t{\n  'a':\n\t[1,",
    "long name": '{"' + "n" * LONG + '": ["x"]}',
    "many bad names": "{" + ", ".join(f"{n}: [1]" for n in range(1500)) + "}",
    "unhashable key": "{[1]: 2}",
    "set in a set": "{{1}}",
    "ellipsis": "{'data': ...}",
    "comment": "# nothing",
    "backslash": "\\",
    "empty": "",
    # wrong in plain ways
    "number": "1",
    "text": '"data"',
    "null": "null",
    "true alone": "true",
    "shape of text": '{"data": "1,3,224,224"}',
    "too many dimensions": '{"data": ' + str([1] * 5000) + "}",
    "shape in a shape": '{"data": {"shape": {"shape": [1]}}}',
    "set as a shape": "{'data': {1, 2}}",
}
"""None of these is a DataInputConfig or CompilerOptions."""
