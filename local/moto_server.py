"""`python -m local.moto_server`: moto's server in a process of its own, until its standard input is closed."""

import logging
import sys
from collections.abc import Callable, Iterable
from threading import Lock, Thread
from typing import Any

from local.moto_transactions import check_conditions_before_writing

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def main() -> None:
    """Prints the port that it listens on, on 127.0.0.1."""
    import moto.cloudformation.models  # noqa: F401 - else loaded with the first request
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    check_conditions_before_writing()
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    application = _atomic_tables(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler)
    Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


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
    main()
