"""`python -m local.moto_server [FOLDER]`: moto's server in a process of its own, until its standard input is closed.

With a folder it keeps there what its stores hold, once it was asked to fill them.
"""

import logging
import socket
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from local.http_api import ACCOUNT
from local.moto_transactions import check_conditions_before_writing
from local.persistence.ports import last_port, note_port
from local.persistence.recorder import Application, Recorder
from local.template import REGION


def main(folder: Path | None) -> None:
    """Prints the port that it listens on, on 127.0.0.1: the one of the last time where it can be had."""
    import moto.cloudformation.models  # noqa: F401 - else loaded with the first request
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    check_conditions_before_writing()
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    application: Application = DomainDispatcherApplication(create_backend_app)
    if folder:
        application = Recorder(application, folder, ACCOUNT, REGION)
    listening = _listening(last_port(folder, "aws"))
    host, port = listening.getsockname()
    server = make_server(
        host,
        port,
        _atomic_tables(application),
        threaded=True,
        request_handler=MotoRequestHandler,
        fd=listening.fileno(),
    )
    note_port(folder, "aws", port)
    Thread(target=server.serve_forever, daemon=True).start()
    print(port, flush=True)
    sys.stdin.read()


def _listening(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError:
        return socket.create_server(("127.0.0.1", 0))


def _atomic_tables(application: Application) -> Application:
    """DynamoDB's requests one at a time: moto checks a condition and writes the item in two steps, without a lock."""
    lock = Lock()

    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not environ.get("HTTP_X_AMZ_TARGET", "").startswith("DynamoDB"):
            return application(environ, start_response)
        with lock:
            return application(environ, start_response)

    return serve


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
