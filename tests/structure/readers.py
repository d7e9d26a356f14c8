"""Which functions can come to read which environment variable, found in the sources, definition by definition."""

import ast
from collections.abc import Collection, Iterator
from functools import cache

from tests.structure.sources import Source, handlers, layer

Place = tuple[str, str]
"""A module and a name that is defined in it."""


def readers(names: Collection[str], without: str) -> dict[str, set[str]]:
    """The functions from whose handler a chain of definitions leads to a text that is the variable's name.

    What lies `without`, a package of the layer, is not followed.
    """
    found: dict[str, set[str]] = {name: set() for name in names}
    for handler in handlers():
        folder = handler.path.parent.name
        for text in _texts_from(handler, without):
            if text in found:
                found[text].add(folder)
    return found


def _texts_from(handler: Source, without: str) -> Iterator[str]:
    seen: set[Place] = set()
    waiting = [(handler.name, name) for name in _definitions(handler)]
    sources = {source.name: source for source in [handler, *layer()] if not source.name.startswith(without)}
    while waiting:
        place = waiting.pop()
        module, name = place
        if place in seen or module not in sources:
            continue
        seen.add(place)
        for node in _definitions(sources[module]).get(name, []):
            parameters = {inner.arg for inner in ast.walk(node) if isinstance(inner, ast.arg)}
            for inner in ast.walk(node):
                if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                    yield inner.value
                if not (isinstance(inner, ast.Name) and inner.id in parameters):
                    waiting += _meant(inner, sources[module])


def _meant(node: ast.AST, source: Source) -> Iterator[Place]:
    """The definitions that a name in the code may stand for: of its own module, or imported."""
    if isinstance(node, ast.Name):
        yield source.name, node.id
        if node.id in _imports(source):
            yield _imports(source)[node.id]
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in _imports(source):
        module, name = _imports(source)[node.value.id]
        yield f"{module}.{name}", node.attr


@cache
def _definitions(source: Source) -> dict[str, list[ast.stmt]]:
    """The statements of a module by the names that they define; those that define none by their line."""
    found: dict[str, list[ast.stmt]] = {}
    for node in source.tree.body:
        for name in _names(node):
            found.setdefault(name, []).append(node)
    return found


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    names = [each.id for target in targets if target for each in ast.walk(target) if isinstance(each, ast.Name)]
    return names or [f"line {node.lineno}"]


@cache
def _imports(source: Source) -> dict[str, Place]:
    """What `from module import name` brings, anywhere in the module, by the name that it has there."""
    return {
        alias.asname or alias.name: (node.module or "", alias.name)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
