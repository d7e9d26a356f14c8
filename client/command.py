"""The commands, and how they end."""

import argparse
import os
import signal
import sys

from rich.console import Console

from client.arguments import parser
from client.credentials import Credentials, FetchedToken, GivenToken, TokenFile, checked
from client.download import download
from client.endings import NOTHING_TO_SEND, SERVICE_REFUSED, STORED_NOT_ALL, Ending
from client.files import files_in
from client.identity_provider import Client
from client.listing import COLUMNS, all_events, print_events, rows, worklist
from client.memory import Memory
from client.output import json_text, open_streams, print_lines, print_rows, readable, say
from client.service import Service
from client.upload import Outcome, upload


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; the exit status, one of STATUSES."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        open_streams()
        parsed = parser().parse_args(arguments)
        return RUN[parsed.command](Service(parsed.url, _credentials(parsed)), parsed)
    except Ending as ending:
        say(ending.sentence)
        return ending.status
    except KeyboardInterrupt:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        say("ended; the same command goes on from here")
        return SERVICE_REFUSED


def _upload(service: Service, parsed: argparse.Namespace) -> int:
    files = files_in(parsed.paths)
    if files.sentence:
        say(files.sentence)
    outcomes = [Outcome(folder, "FAILED", reason) for folder, reason in files.unreadable.items()]
    if not files.files and not outcomes:
        raise Ending("nothing to send: there is no file in these folders", NOTHING_TO_SEND)
    memory = Memory(parsed.memory, service.name)
    try:
        outcomes += upload(service, list(files.files), memory, parsed.parallel, _progress_console())
    finally:
        memory.close()
    _print_outcomes(outcomes, as_json=parsed.json)
    return 0 if all(outcome.state == "STORED" for outcome in outcomes) else STORED_NOT_ALL


def _print_outcomes(outcomes: list[Outcome], *, as_json: bool) -> None:
    stored = sum(outcome.state == "STORED" for outcome in outcomes)
    if as_json:
        files = [
            {"path": readable(outcome.path), "state": outcome.state, "reason": outcome.reason} for outcome in outcomes
        ]
        print_lines([json_text({"files": files, "stored": stored})])
        return
    cells = [(outcome.path, outcome.state, outcome.reason) for outcome in outcomes]
    print_rows(("File", "State", ""), cells, f"{stored} of {len(outcomes)} files are stored")


def _download(service: Service, parsed: argparse.Namespace) -> int:
    parameters = {"PatientId": parsed.patient} | ({"dicomdir": "true"} if parsed.dicomdir else {})
    path = download(service, parsed.study, parsed.to, _progress_console(), **parameters)
    told = {"study": parsed.study, "path": readable(path), "bytes": path.stat().st_size}
    print_lines([json_text(told) if parsed.json else readable(path)])
    return 0


def _worklist(service: Service, parsed: argparse.Namespace) -> int:
    asked = {
        "patientID": parsed.patient,
        "ScheduledProcedureStepStartDate": parsed.date,
        "Modality": parsed.modality,
    }
    workitems = worklist(service, **{name: value for name, value in asked.items() if value is not None})
    if parsed.json:
        print_lines([json_text(workitems)])
    else:
        print_rows(list(COLUMNS), rows(workitems))
    return 0


def _events(service: Service, parsed: argparse.Namespace) -> int:
    if parsed.json and not parsed.follow:
        print_lines([json_text(all_events(service, parsed.after))])
    else:
        print_events(service, parsed.after, follow=parsed.follow)
    return 0


def _progress_console() -> Console:
    """Shows progress where stderr is a terminal."""
    return Console(stderr=True, force_terminal=sys.stderr.isatty())


def _credentials(parsed: argparse.Namespace) -> Credentials:
    """What the command line says of them, before the environment's token."""
    if parsed.client_id:
        if not parsed.issuer:
            raise Ending("--client-id needs --issuer: whose client it is")
        if parsed.token_file:
            raise Ending("--client-id and --token-file are two ways to say who is asking: give one")
        return FetchedToken(Client(parsed.issuer, parsed.client_id, _secret(parsed), parsed.scope or ""))
    if parsed.token_file:
        return TokenFile(parsed.token_file)
    return GivenToken(checked(os.environ.get("DICOM_SERVICE_TOKEN", ""), "DICOM_SERVICE_TOKEN"))


def _secret(parsed: argparse.Namespace) -> str:
    path = parsed.client_secret_file
    secret = TokenFile(path).token() if path else os.environ.get("DICOM_SERVICE_CLIENT_SECRET", "")
    if not secret:
        raise Ending("--client-id needs --client-secret-file, or DICOM_SERVICE_CLIENT_SECRET")
    return secret


RUN = {"upload": _upload, "download": _download, "worklist": _worklist, "events": _events}
"""Each command, as a function of the service and of what was parsed; it gives the exit status."""
