"""`make run`: the service on this machine, until Ctrl-C or SIGTERM."""

import os
import signal
import sys
from pathlib import Path
from threading import Event

from local.stack import LocalStack, Settings

SUMMARY = """\
  API            {url}
  documentation  {url}/documentation
  PACS           {pacs}
  AWS (moto)     {aws}
  The API lets everyone in here: the tokens that a deployment asks for are not checked.

Try it:
  curl {url}/uid
  curl -F file=@{exam} {url}/exams
  curl '{url}/exams/studies?PatientId=1CT1'
Ctrl-C ends it.
"""


def main() -> int:
    """The exit status: 0 when it was told to end, 1 where it could not start."""
    ended = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    try:
        stack = LocalStack(_settings())
        with stack:
            print(f"ready {stack.url}", flush=True)
            print(
                SUMMARY.format(url=stack.url, pacs=stack.pacs_url, aws=stack.aws.url, exam=_exam()), end="", flush=True
            )
            ended.wait()
    except (OSError, ValueError) as error:
        print(f"The service cannot start: {error}", file=sys.stderr)
        return 1
    return 0


def _exam() -> Path:
    """A CT slice that pydicom brings along, of patient 1CT1."""
    import pydicom

    return Path(pydicom.__file__).parent / "data/test_files/CT_small.dcm"


def _settings() -> Settings:
    """From the environment; raises ValueError for a PORT that is none."""
    port = os.environ.get("PORT") or "8080"
    if not port.isdecimal() or int(port) > 65535:
        raise ValueError("PORT must be a number from 0 to 65535")
    data_dir = os.environ.get("DATA_DIR")
    return Settings(int(port), Path(data_dir) if data_dir else None, os.environ)


if __name__ == "__main__":
    sys.exit(main())
