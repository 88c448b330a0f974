#!/usr/bin/env python3
"""Checks what `assay generate` writes under grammars with Python's own `re` and the package `jsonschema`.

usage: python3 Scripts/check_grammar.py ASSAY MODEL [--samples N]

ASSAY is the binary, MODEL any language model, such as what `assay pull smollm2` prints. Samples are drawn at
a temperature at which a model writes noise, so that only the grammar keeps them in form. Prints a line a
grammar, and fails where a text is not what was asked for. Needs `pip install jsonschema rfc3339-validator`
(4.25 and 0.1.4 were used).
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import jsonschema

PATTERNS = [
    r"(yes|no)(, (yes|no))*\.", r"[A-Z][a-z]{2,8}( [A-Z][a-z]{2,8}){0,2}", r"\d{4}-\d{2}-\d{2}",
    r"-?(0|[1-9]\d{0,5})(\.\d{1,3})?", r"[^\x00-\x7f]{1,4}", r"(a|b)*abb", r"\w+@\w+\.(com|org)",
    r"<b>[^<>]{0,20}</b>", r"(\(\d\)|\[\d\]){1,5}", r"[^aeiou\n]{5,12}",
]
SCHEMAS = [
    {"type": "object", "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer",
     "minimum": 0, "maximum": 150}, "email": {"type": "string", "format": "email"}}, "required": ["name", "age"],
     "additionalProperties": False},
    {"type": "array", "items": {"type": "number", "minimum": -1.5, "exclusiveMaximum": 2}, "minItems": 2,
     "maxItems": 4},
    {"$defs": {"node": {"type": "object", "properties": {"value": {"enum": ["x", 1, None]}, "children": {"type":
     "array", "items": {"$ref": "#/$defs/node"}, "maxItems": 2}}, "required": ["value", "children"],
     "additionalProperties": False}}, "$ref": "#/$defs/node"},
    {"oneOf": [{"type": "object", "properties": {"kind": {"const": "circle"}, "radius": {"type": "number",
     "exclusiveMinimum": 0}}, "required": ["kind", "radius"]}, {"type": "object", "properties": {"kind": {"const":
     "square"}, "side": {"type": "integer", "minimum": 1}}, "required": ["kind", "side"]}]},
    {"type": "object", "additionalProperties": {"type": ["string", "null"], "minLength": 1}, "maxProperties": 3},
    {"type": "array", "prefixItems": [{"type": "boolean"}, {"type": "string", "pattern": "^[\"a\\\\]{1,3}$"}],
     "items": {"type": "integer", "exclusiveMaximum": -7}},
    {"anyOf": [{"type": "string", "format": fmt} for fmt in ("date", "time", "date-time", "duration", "ipv4",
     "ipv6", "uuid", "hostname", "uri", "email")]},
    {"type": "object", "properties": {"a": {}, "b": {"type": "object"}}, "additionalProperties": {"type": "null"}},
]


def written(assay, model, options, samples, folder):
    data = pathlib.Path(folder) / "prompts.jsonl"
    data.write_text("".join(json.dumps({"id": str(i), "text": f"Text {i}:"}) + "\n" for i in range(4)))
    command = [assay, "generate", "--model", model, "--data", str(data), "--samples", str(samples // 4),
               "--temperature", "5", "--max-tokens", "100", "--quiet", *options]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return [json.loads(line) for line in lines]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("assay")
    parser.add_argument("model")
    parser.add_argument("--samples", type=int, default=32)
    given = parser.parse_args()
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        for pattern in PATTERNS:
            rows = written(given.assay, given.model, [f"--grammar-regex={pattern}"], given.samples, folder)
            wrong = [row["text"] for row in rows if not re.fullmatch(pattern, row["text"], re.ASCII)]
            print(f"{len(rows) - len(wrong)} of {len(rows)}: {pattern}")
            bad += len(wrong)
            for text in wrong[:3]:
                print(f"  wrong: {text!r}")
        for schema in SCHEMAS:
            path = pathlib.Path(folder) / "schema.json"
            path.write_text(json.dumps(schema))
            rows = written(given.assay, given.model, ["--grammar-json-schema", str(path)], given.samples, folder)
            validator = jsonschema.Draft202012Validator(
                schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
            wrong = []
            for row in rows:
                try:
                    validator.validate(json.loads(row["text"]))
                except (ValueError, jsonschema.ValidationError) as error:
                    wrong.append((row["text"], row["finish_reason"], str(error).splitlines()[0]))
            print(f"{len(rows) - len(wrong)} of {len(rows)}: {json.dumps(schema)[:80]}")
            bad += len(wrong)
            for text in wrong[:3]:
                print(f"  wrong: {text}")
    sys.exit(1 if bad else 0)


main()
