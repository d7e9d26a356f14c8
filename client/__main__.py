"""`python -m client`: the DICOM Service from a command line."""

import sys

if __name__ == "__main__":
    try:
        from client.command import main
        from client.output import close_streams

        status = main()
        close_streams()
    except KeyboardInterrupt:  # while it still starts
        status = 2
    sys.exit(status)
