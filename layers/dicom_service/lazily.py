"""Rewrites packages whose `__init__.py` only imports: each name is imported when it is first asked for (PEP 562).

    python3.13 lazily.py FOLDER…

The Makefile calls it. Powertools' event handlers bring those of AppSync and Bedrock along, and asyncio with them, its
data classes those of every service: a sixth of a cold start for what no function uses. Names and `__all__` stay.
"""

import ast
import sys
from pathlib import Path

TEMPLATE = """
from importlib import import_module

_PLACES = {places}
{all}


def __getattr__(name):
    if name not in _PLACES:
        raise AttributeError(f"module {{__name__!r}} has no attribute {{name!r}}")
    module, original = _PLACES[name]
    value = globals()[name] = getattr(import_module(module, __name__), original)
    return value


def __dir__():
    return sorted({{*globals(), *_PLACES}})
"""


def lazy(source: str) -> str:
    """The same module, lazily; raises ValueError where it does more than import names and list them."""
    places: dict[str, tuple[str, str]] = {}
    listed = ""
    for node in ast.parse(source).body:
        if isinstance(node, ast.ImportFrom) and node.names[0].name != "*":
            module = "." * node.level + (node.module or "")
            places |= {each.asname or each.name: (module, each.name) for each in node.names}
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            listed = ast.unparse(node)
        elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            raise ValueError(f"line {node.lineno} does more than import names")
    return TEMPLATE.format(places=dict(sorted(places.items())), all=listed)


if __name__ == "__main__":
    for folder in sys.argv[1:]:
        path = Path(folder) / "__init__.py"
        path.write_text(lazy(path.read_text()))
