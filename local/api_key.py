"""`make api-key`: makes, lists and revokes API keys in the table itself: the first one, when nobody has any yet."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from dicom_service.access.scopes import ALL_SCOPES, PATIENTS_ALL, REACH
from dicom_service.errors import ServiceError
from local.operated import add_arguments, connect

TABLE = "ApiKeysTable"
MADE_BY = "make api-key"


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    asked = _parser().parse_args(arguments)
    try:
        connect(asked, {"API_KEYS_TABLE": TABLE})
        return int(asked.run(asked))
    except (ServiceError, LookupError, ValueError) as error:
        print(getattr(error, "detail", error), file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make api-key", description=__doc__)
    add_arguments(parser)
    commands = parser.add_subparsers(required=True, metavar="create | list | revoke")
    create = commands.add_parser("create", help="a new key, shown once")
    create.add_argument("name")
    create.add_argument("scopes", nargs="+", metavar="scope", choices=[*ALL_SCOPES, "all"], help="or all")
    create.add_argument("--patient", default="", help="the one patient whom it sees and writes")
    create.add_argument("--expires", default=0, type=_moment, help="such as 2027-01-31")
    create.set_defaults(run=_create)
    commands.add_parser("list", help="every key, the newest first").set_defaults(run=_list)
    revoke = commands.add_parser("revoke", help="ends a key within a minute")
    revoke.add_argument("key_id", metavar="keyId")
    revoke.set_defaults(run=_revoke)
    return parser


def _create(asked: argparse.Namespace) -> int:
    from dicom_service.access.keys import create_key

    patient = asked.patient.strip()
    every = [scope for scope in ALL_SCOPES if not patient or (REACH[scope].bound and scope != PATIENTS_ALL)]
    scopes = frozenset(every if "all" in asked.scopes else asked.scopes)
    beyond = sorted(scope for scope in scopes if patient and not REACH[scope].bound)
    if beyond:
        raise ValueError(f"{beyond[0]} is nothing that a key for one patient may have")
    key, text = create_key(asked.name, scopes, patient, MADE_BY, asked.expires)
    print(f"{text}\n{key.key_id} {key.name}: {' '.join(sorted(key.scopes))}; the key is shown this once", flush=True)
    return 0


def _list(_: argparse.Namespace) -> int:
    from dicom_service.access.keys import list_keys

    for key in list_keys():
        ended = f"revoked {_date(key.revoked_at)}" if key.revoked_at else f"until {_date(key.expires_at)}"
        whose = f" patient {key.patient_id}" if key.patient_id else ""
        used = f"last used {_date(key.last_used_at)}"
        print(f"{key.key_id}  {ended:18}  {used:20}  {key.name}{whose}: {' '.join(sorted(key.scopes))}")
    return 0


def _revoke(asked: argparse.Namespace) -> int:
    from dicom_service.access.keys import revoke_key

    revoke_key(asked.key_id)
    return 0


def _date(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}" if seconds else "-"


def _moment(text: str) -> int:
    moment = datetime.fromisoformat(text)
    seconds = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    if seconds <= datetime.now(UTC).timestamp():
        raise argparse.ArgumentTypeError("must be a time to come")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
