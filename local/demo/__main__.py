"""`make demo`: the story of one exam, against the service at DEMO_URL, one on PORT, or one started for it."""

import os
import sys
from pathlib import Path

import requests

from dicom_service.errors import ConfigurationError
from local import configuration
from local.demo.client import Client, StepFailed
from local.demo.story import tell
from local.stack import LocalStack, Settings

PICTURES = Path("demo-output")


def main() -> int:
    """The exit status: 0 where every step went well."""
    url = os.environ.get("DEMO_URL") or f"http://127.0.0.1:{os.environ.get('PORT') or 8080}"
    try:
        if _answers(url):
            tell(Client(url, os.environ.get("DICOM_SERVICE_TOKEN", "")), PICTURES)
        else:
            print(f"Nothing answers at {url}: starting a service for the demo")
            auth = configuration.checks_callers()
            with LocalStack(Settings(variables=os.environ, auth=auth)) as stack:
                tell(Client(stack.url, stack.keys.get("all", "")), PICTURES)
    except (StepFailed, ConfigurationError, requests.RequestException) as error:
        print(f"\nFAILED: {error}", file=sys.stderr)
        return 1
    print("\nThe whole story went well.")
    return 0


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/-/healthz", timeout=5).status_code == 200
    except requests.RequestException:
        return False


if __name__ == "__main__":
    sys.exit(main())
