"""`GET /documentation`: the page, its files and the document."""

import base64
import gzip
import json
from typing import Any

import pytest

from tests.conftest import Invoke


def test_the_page_loads_nothing_but_its_own_files(invoke: Invoke) -> None:
    answer = invoke("serve_documentation", path="/documentation")

    policy = answer["headers"]["Content-Security-Policy"]
    assert answer["statusCode"] == 200
    assert answer["headers"]["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "://" not in answer["body"]


def test_the_document_is_the_one_of_the_repository(invoke: Invoke, pytestconfig: pytest.Config) -> None:
    answer = invoke("serve_documentation", path="/documentation/json")

    assert answer["statusCode"] == 200
    assert answer["headers"]["Content-Type"] == "application/json"
    assert answer["body"] == (pytestconfig.rootpath / "docs/openapi.json").read_text()


@pytest.mark.parametrize(
    ("asset", "content_type"),
    [
        ("start.js", "text/javascript; charset=utf-8"),
        ("swagger-ui-bundle.min.js", "text/javascript; charset=utf-8"),
        ("swagger-ui.min.css", "text/css; charset=utf-8"),
        ("page.css", "text/css; charset=utf-8"),
    ],
)
def test_the_files_of_the_page_may_be_kept_for_a_day(invoke: Invoke, asset: str, content_type: str) -> None:
    answer = invoke("serve_documentation", path=f"/documentation/{asset}")

    assert answer["statusCode"] == 200
    assert answer["headers"]["Content-Type"] == content_type
    assert answer["headers"]["Cache-Control"] == "public, max-age=86400"
    assert answer["headers"]["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("asset", ["app.py", "NOTICE", "index.html", "%2e%2e%2fapp.py", "..%2F..%2Fapp.py", "START.JS"])
def test_no_other_file_can_be_had(invoke: Invoke, asset: str) -> None:
    answer = invoke("serve_documentation", path=f"/documentation/{asset}")

    assert answer["statusCode"] == 404
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert json.loads(answer["body"])["status"] == 404


@pytest.mark.parametrize("path", ["/documentation", "/documentation/json", "/documentation/page.css"])
def test_a_client_that_has_the_current_version_gets_no_body(invoke: Invoke, path: str) -> None:
    tag = invoke("serve_documentation", path=path)["headers"]["ETag"]

    same = invoke("serve_documentation", path=path, headers={"if-none-match": f'"other", {tag}'})
    other = invoke("serve_documentation", path=path, headers={"if-none-match": '"other"'})

    assert same["statusCode"] == 304
    assert not same["body"]
    assert same["headers"]["ETag"] == tag
    assert other["statusCode"] == 200


def test_what_is_large_travels_compressed(invoke: Invoke) -> None:
    path = "/documentation/swagger-ui-bundle.min.js"
    plain = invoke("serve_documentation", path=path)

    answer: dict[str, Any] = invoke("serve_documentation", path=path, headers={"accept-encoding": "gzip, br"})

    packed = base64.b64decode(answer["body"])
    assert answer["headers"]["Content-Encoding"] == "gzip"
    assert answer["headers"]["Vary"] == "Accept-Encoding"
    assert gzip.decompress(packed).decode() == plain["body"]
    assert len(packed) < len(plain["body"]) / 3
