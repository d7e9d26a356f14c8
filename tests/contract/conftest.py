"""One PACS of each kind, to which the environment leads."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.kinds import KINDS, REAL, Servers, stand_in


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    servers = Servers(tmp_path_factory.mktemp("servers"))
    yield servers
    servers.stop()


@pytest.fixture(params=KINDS)
def kind(
    request: pytest.FixtureRequest,
    servers: Servers,
    tmp_path: Path,
    unconfigured: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[str]:
    """Gives the kind, and leads the environment to a PACS of it; the stand-ins are empty."""
    kind: str = request.param
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    if kind in REAL:
        for name, value in servers.variables(kind).items():
            monkeypatch.setenv(name, value)
        yield kind
        return
    with stand_in(kind, tmp_path) as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield kind
