"""Has packages import what they bring along when it is first asked for, and not before.

    python3.13 lazily.py FOLDER… MODULE.py…

The Makefile calls it. Of a package whose `__init__.py` only imports, each name is imported by itself (PEP 562): names
and `__all__` stay. Powertools' event handlers bring those of AppSync and Bedrock along, its data classes those of every
service. A module's `import asyncio` waits until it is used: batches use it where records are handled at once, which
none are here. Together that is a sixth of a cold start.
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

IMPORTED = "import asyncio"
LATER = """

class _Later:
    def __getattr__(self, name):
        import asyncio

        return getattr(asyncio, name)


asyncio = _Later()
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


def later(source: str) -> str:
    """The same module, in which asyncio is imported when it is used; raises ValueError unless it is imported once."""
    if source.splitlines().count(IMPORTED) != 1:
        raise ValueError(f"there is not one line {IMPORTED!r}")
    return source.replace(f"\n{IMPORTED}\n", LATER, 1)


if __name__ == "__main__":
    for argument in map(Path, sys.argv[1:]):
        path, change = (argument, later) if argument.suffix == ".py" else (argument / "__init__.py", lazy)
        path.write_text(change(path.read_text()))
