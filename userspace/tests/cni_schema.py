#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The schema of the CNI configuration says what the plugin does.

    cni_schema.py SCHEMA good|bad DEFINITION < CONFIGURATIONS

Each configuration on standard input (JSON texts, one a line) has to be valid,
or has to be invalid, by a definition of the schema; "" is all of it.
"""
import json
import sys

import jsonschema


def main():
    path, want, definition = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft7Validator.check_schema(schema)
    part = schema
    if definition:
        part = {"$ref": f"#/definitions/{definition}",
                "definitions": schema["definitions"]}
    validator = jsonschema.Draft7Validator(part)
    wrong = count = 0
    for count, line in enumerate(sys.stdin, 1):
        error = jsonschema.exceptions.best_match(
            validator.iter_errors(json.loads(line)))
        if (error is None) != (want == "good"):
            print(f"schema: {want}, but {error and error.message}: {line}",
                  file=sys.stderr, end="")
            wrong += 1
    return wrong > 0 or count == 0


if __name__ == "__main__":
    sys.exit(main())
