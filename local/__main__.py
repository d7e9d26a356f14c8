"""`make run`: the service on this machine, until Ctrl-C or SIGTERM."""

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from threading import Event
from typing import NoReturn

from dicom_service.configuration.table import TABLE
from dicom_service.errors import ConfigurationError
from local import configuration
from local.aws import STACK, Kept
from local.likenesses import misspelt
from local.stack import LocalStack, Settings

SUMMARY = """\
  API            {url}
  documentation  {url}/documentation
  PACS           {pacs}
  AWS (moto)     {aws}
  data           {data}
{callers}
Try it:
  curl {shown}{url}/uid
  curl {shown}-F file=@{exam} {url}/exams
  curl {shown}'{url}/exams/studies?PatientId=1CT1'
Ctrl-C ends it.
"""

EVERYONE = """\
  AUTH=none      everyone is let in: the keys and tokens that a deployment asks for are not checked
"""
CHECKED = """\
  AUTH=on        only who shows a key or a token is let in; docs/access.md says what each may do
"""


def main() -> int:
    """The exit status: 0 when it was told to end, also while it starts; 1 where it cannot start."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    try:
        if _refused():
            return 1
        with LocalStack(_settings()) as stack:
            print(f"ready {stack.url}", flush=True)
            print(_credentials(stack) + _summary(stack), end="", flush=True)
            Event().wait()
    except (OSError, ValueError, ConfigurationError) as error:
        print(f"The service cannot start: {error}", file=sys.stderr)
        return 1
    except _Ended:
        pass
    return 0


def _summary(stack: LocalStack) -> str:
    data = _data(stack.settings.data_dir, stack.aws.kept)
    callers = CHECKED if stack.settings.auth else EVERYONE
    shown = f"-H 'Authorization: Bearer {stack.keys['all']}' " if stack.keys else ""
    places = {"url": stack.url, "pacs": stack.pacs_url, "aws": stack.aws.url, "data": data, "exam": _exam()}
    return SUMMARY.format(callers=callers, shown=shown, **places)


def _credentials(stack: LocalStack) -> str:
    """What lets a caller in, one to a line; nothing where everyone is let in."""
    lines = [f"key {name} {text}" for name, text in stack.keys.items()]
    if stack.identity_provider:
        client = stack.identity_provider.client
        lines += [f"issuer {stack.identity_provider.issuer}", f"client {client.client_id} {client.secret}"]
    return "".join(f"{line}\n" for line in lines)


def _data(data_dir: Path | None, kept: Kept) -> str:
    """Where everything is kept, how much of it came back, and what did not."""
    if data_dir is None:
        return "gone when it ends: exams, worklist, events and all else; DATA_DIR=./data keeps them"
    lines = [f"kept in {data_dir}; found there: {_counted(kept.restored) or 'nothing yet'}"]
    if kept.left:
        lines.append(f"left alone, because this version has other stores: {_counted(kept.left)}")
    lines += [f"left alone, because another version wrote it: {path}" for path in kept.others]
    return f"\n{' ' * 17}".join(lines)


def _counted(counts: Mapping[str, int]) -> str:
    """`3 in EventsTable, 2 messages`."""
    return ", ".join(
        f"{count} {name}" if name in ("messages", "objects") else f"{count} in {name.removeprefix(f'{STACK}-')}"
        for name, count in counts.items()
    )


class _Ended(BaseException):
    """Somebody wants the service to end."""


def _end(*_: object) -> NoReturn:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise _Ended


def _exam() -> Path:
    """A CT slice that pydicom brings along, of patient 1CT1."""
    import pydicom

    return Path(pydicom.__file__).parent / "data/test_files/CT_small.dcm"


def _refused() -> bool:
    """Whether a setting is wrong. Says every one that is, and names variables that look like one."""
    known = [setting.name for setting in (*configuration.OF_THE_RUNNER, *TABLE)]
    for name, nearest in misspelt(os.environ, known):
        hint = f"; did you mean {nearest}?" if nearest else ""
        print(f"Warning: {name} is no setting of the service and changes nothing{hint}", file=sys.stderr)
    problems = list(configuration.wrong(os.environ).values())
    if len(problems) == 1:
        print(f"The service cannot start: {problems[0]}", file=sys.stderr)
    elif problems:
        lines = "".join(f"\n  {problem}" for problem in problems)
        print(f"The service cannot start, {len(problems)} settings are wrong:{lines}", file=sys.stderr)
    return bool(problems)


def _settings() -> Settings:
    return Settings(configuration.port(), configuration.data_dir(), os.environ, auth=configuration.checks_callers())


if __name__ == "__main__":
    sys.exit(main())
