"""docs/scopes.md: what each scope is for, and what each route asks of its caller, from the handlers."""

from pathlib import Path

from dicom_service.access.scopes import ALL_SCOPES, REACH
from dicom_service.http.door import Requirement

PAGE = Path(__file__).parents[1] / "docs/scopes.md"

HEAD = """\
# Scopes

Written by `make openapi`, from the declarations beside the routes. [access.md](access.md) says how a caller gets them.

| Scope | Lets a caller | Bound to one patient | Bound to one study |
| --- | --- | --- | --- |
"""
ROUTES = """
Where a route shows or changes what is a patient's, a caller that is bound to no patient and no study needs
`patients:all` beside the scope.

| Route | Scope | `patients:all` for whoever is not bound |
| --- | --- | --- |
"""


def page(declared: dict[tuple[str, str], Requirement]) -> str:
    """The page's Markdown; `declared` are the routes' requirements by method and path."""
    scopes = [
        f"| `{scope}` | {REACH[scope].meaning} | {_may(REACH[scope].bound)} | {_may(REACH[scope].study)} |\n"
        for scope in ALL_SCOPES
    ]
    routes = [
        f"| `{method} {path}` | {_scope(requirement)} | {_for_all(requirement)} |\n"
        for (method, path), requirement in sorted(declared.items(), key=lambda one: one[0][::-1])
    ]
    return HEAD + "".join(scopes) + ROUTES + "".join(routes)


def _may(allowed: bool) -> str:
    return "may have it" if allowed else ""


def _scope(requirement: Requirement) -> str:
    if requirement.is_open:
        return "open to all"
    return f"`{requirement.scope}`" if requirement.scope else "none; no bound caller"


def _for_all(requirement: Requirement) -> str:
    return "yes" if requirement.scope and REACH[requirement.scope].patients else ""
