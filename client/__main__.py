"""`python -m client`: the DICOM Service from a command line.

Exit status: 0 all is well, 1 some files are not stored, 2 the service will not or cannot be reached.
"""

import argparse
import os
import sys
from pathlib import Path

from rich.console import Console

from client.download import download
from client.listing import print_events, worklist
from client.memory import Memory, default_path
from client.service import Refusal, Service
from client.upload import files_in, shown, upload


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; the exit status."""
    given = _parser().parse_args(arguments)
    service = Service(given.url, os.environ.get("DICOM_SERVICE_TOKEN", ""))
    try:
        return int(given.run(service, given))
    except Refusal as refusal:
        sys.stderr.write(f"{refusal.reason}\n")
    except FileNotFoundError as error:
        sys.stderr.write(f"there is no {error}\n")
    except KeyboardInterrupt:
        sys.stderr.write("ended; the same command goes on from here\n")
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m client", description="The DICOM Service from a command line.")
    parser.add_argument(
        "--url",
        default=os.environ.get("DICOM_SERVICE_URL", "http://127.0.0.1:8080"),
        help="of the service; or DICOM_SERVICE_URL. DICOM_SERVICE_TOKEN holds the JWT that a deployment asks for",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("upload", help="store files, folders of files, zip files of studies")
    command.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    command.add_argument("--parallel", type=int, default=4, help="files at a time; default 4")
    command.add_argument(
        "--memory", type=Path, default=default_path(), help="what was uploaded before; default %(default)s"
    )
    command.set_defaults(run=_upload)
    command = commands.add_parser("download", help="fetch a study as a zip file")
    command.add_argument("study", metavar="STUDY", help="its Study Instance UID")
    command.add_argument("--patient", required=True, help="whose it is: the Patient ID")
    command.add_argument("--to", type=Path, default=Path(), metavar="FOLDER", help="default: here")
    command.add_argument("--dicomdir", action="store_true", help="with a DICOMDIR, to put onto a disc")
    command.set_defaults(run=_download)
    command = commands.add_parser("worklist", help="list workitems")
    command.add_argument("--patient", default="", help="Patient ID")
    command.add_argument("--date", default="", help="YYYYMMDD or YYYYMMDD-YYYYMMDD")
    command.add_argument("--modality", default="")
    command.set_defaults(run=_worklist)
    command = commands.add_parser("events", help="print new-exam events, a line of JSON each")
    command.add_argument("--after", default="0", metavar="CURSOR", help="`next` of an earlier page")
    command.add_argument("--follow", action="store_true", help="and those to come, until Ctrl-C")
    command.set_defaults(run=_events)
    return parser


def _upload(service: Service, given: argparse.Namespace) -> int:
    console = Console(stderr=True)
    files = list(files_in(given.paths))
    outcomes = upload(service, files, Memory(given.memory, service.name), given.parallel, console)
    Console().print(shown(outcomes))
    return 0 if all(outcome.state == "STORED" for outcome in outcomes) else 1


def _download(service: Service, given: argparse.Namespace) -> int:
    asked = {"PatientId": given.patient} | ({"dicomdir": "true"} if given.dicomdir else {})
    path = download(service, given.study, given.to, Console(stderr=True), **asked)
    sys.stdout.write(f"{path}\n")
    return 0


def _worklist(service: Service, given: argparse.Namespace) -> int:
    filters = {"ScheduledProcedureStepStartDate": given.date, "Modality": given.modality}
    Console().print(worklist(service, patientID=given.patient, **filters))
    return 0


def _events(service: Service, given: argparse.Namespace) -> int:
    print_events(service, given.after, follow=given.follow)
    return 0


if __name__ == "__main__":
    sys.exit(main())
