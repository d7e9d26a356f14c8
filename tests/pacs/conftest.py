"""A PACS for each test, on a real port and with an empty folder."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from local.pacs.server import EmbeddedPacs, PacsSettings

type StartPacs = Callable[..., EmbeddedPacs]


@pytest.fixture
def start_pacs(tmp_path: Path) -> Iterator[StartPacs]:
    """Starts a PACS in the test's folder, with the settings given; stopped at the end."""
    with ExitStack() as running:

        def start(**settings: Any) -> EmbeddedPacs:
            return running.enter_context(EmbeddedPacs(PacsSettings(**{"data_dir": tmp_path, **settings})))

        yield start


@pytest.fixture
def pacs(start_pacs: StartPacs) -> EmbeddedPacs:
    """A PACS without keys and without a webhook."""
    return start_pacs()


@pytest.fixture(scope="module")
def shared_pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPacs]:
    """One PACS for all the tests of a module."""
    with EmbeddedPacs(PacsSettings(tmp_path_factory.mktemp("pacs"))) as running:
        yield running
