"""`python -m local.moto_server`: moto's server in a process of its own, until its standard input is closed."""

import logging
import sys


def main() -> None:
    """Prints the port that it listens on, on 127.0.0.1."""
    import moto.cloudformation.models  # noqa: F401 - else loaded with the first request
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    print(server.get_host_and_port()[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
