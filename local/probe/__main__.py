"""`make probe PACS_SERVICE_URL=…`: what an unknown PACS can do, and the settings to use it with."""

import os
import sys

from dicom_service import settings
from dicom_service.errors import ServiceError
from dicom_service.pacs.authorization import credentials
from dicom_service.pacs.dialects import dialect
from dicom_service.pacs.tls import tls
from local.probe.caller import Caller
from local.probe.probe import probe


def main() -> int:
    """The exit status: 0 where settings were found. `STORE=true` lets the probe store one object and remove it."""
    try:
        url = settings.url("PACS_SERVICE_URL")
        caller = Caller(url, credentials(dialect().authorization, url), tls())
        preferred, store = os.environ.get("PACS_DIALECT", ""), os.environ.get("STORE") == "true"
        report = probe(caller, preferred=preferred, store_and_remove=store)
    except ServiceError as error:
        print(error.detail, file=sys.stderr)
        return 2
    print(report.text())
    return 0 if report.settings else 1


if __name__ == "__main__":
    sys.exit(main())
