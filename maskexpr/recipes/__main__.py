"""Prints the JSON Schema of recipes, which ships as schema.json."""

import json

from .schema import schema

if __name__ == "__main__":
    print(json.dumps(schema(), indent=1))
