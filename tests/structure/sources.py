"""What the sources say of themselves: which modules import which, read without running them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers/dicom_service"


@dataclass(frozen=True)
class Source:
    """A module, by its dotted name."""

    name: str
    path: Path

    @property
    def subject(self) -> str:
        """Of a module of the layer, the folder or file directly in the package: `pacs`, `errors`."""
        return self.name.split(".")[1]

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text())

    def imports(self) -> set[str]:
        """Dotted names of what is imported anywhere in the module, but not what only its types need."""
        for_types = {id(inner) for node in ast.walk(self.tree) if _for_types(node) for inner in ast.walk(node)}
        return {name for node in ast.walk(self.tree) if id(node) not in for_types for name in _imported(node)}


def layer() -> list[Source]:
    return [_source(path, LAYER) for path in sorted((LAYER / "dicom_service").rglob("*.py"))]


def handlers() -> list[Source]:
    return [_source(path, ROOT) for path in sorted((ROOT / "functions").rglob("*.py"))]


def _source(path: Path, root: Path) -> Source:
    parts = path.relative_to(root).with_suffix("").parts
    return Source(".".join(part for part in parts if part != "__init__"), path)


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _imported(node: ast.AST) -> Iterator[str]:
    """Of `from a import b` both names, since b may be a module."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
