"""What a caller may be allowed to do: the scopes, and how far each reaches."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

Scope = Literal[
    "workitems:read",
    "workitems:write",
    "exams:read",
    "exams:write",
    "events:read",
    "events:write",
    "viewer:token",
    "uids:write",
    "shares:write",
    "keys:write",
    "audit:read",
    "patients:all",
]
ALL_SCOPES: tuple[Scope, ...] = get_args(Scope)
PATIENTS_ALL: Scope = "patients:all"


@dataclass(frozen=True)
class Reach:
    """`patients`: it shows or changes what is a patient's, so a caller that is bound to none needs `patients:all` too.

    `bound`: a caller that is bound to a patient may have it. `study`: one that is bound to a study too.
    """

    meaning: str
    patients: bool = True
    bound: bool = True
    study: bool = False


REACH: Mapping[Scope, Reach] = MappingProxyType(
    {
        "workitems:read": Reach("search the worklist", study=True),
        "workitems:write": Reach("create, change and delete workitems"),
        "exams:read": Reach("search, fetch and draw exams, and pack studies", study=True),
        "exams:write": Reach("upload exams, and ask what became of uploads"),
        "events:read": Reach("read new-exam events and their deliveries", patients=False, bound=False),
        "events:write": Reach("have new-exam events delivered again", patients=False, bound=False),
        "viewer:token": Reach("create viewer tokens"),
        "uids:write": Reach("have UIDs generated", patients=False),
        "shares:write": Reach("share studies by link"),
        "keys:write": Reach("create, list and revoke API keys", patients=False, bound=False),
        "audit:read": Reach("read the audit trail", patients=False, bound=False),
        "patients:all": Reach("do the above for every patient, without being bound to one"),
    }
)


def missing_scope(held: Iterable[str], scope: Scope, *, bound: bool) -> Scope | None:
    """The first scope that a caller lacks for what needs `scope`; None where it has all."""
    needed: list[Scope] = [scope]
    if REACH[scope].patients and not bound:
        needed.append(PATIENTS_ALL)
    return next((each for each in needed if each not in held), None)
