"""What `make run` says of settings before it starts: each that is wrong, and each variable that looks like one."""

from pathlib import Path

import pytest

from dicom_service.configuration.table import TABLE
from local import configuration
from local.likenesses import misspelt
from tests.certificates import Authority

SECRET = "whsec_" + "QUJD" * 8

ARN = "arn:aws:secretsmanager:eu-central-1:1:secret:dicom-service/urls"

WRONG = [
    ("PACS_SERVICE_URL", "ftp://x", "such as https://example.org"),
    ("PACS_SERVICE_URL", "pacs.example.org:8080", "such as https://example.org"),
    ("PACS_SERVICE_URL", "https://user:t0ken@pacs.example.org", "without user, query and fragment"),
    ("PACS_SERVICE_URL", "https://pacs.example.org/rs?key=t0ken", "without user, query and fragment"),
    ("PACS_SERVICE_URL", "https://pacs.example.org/rs#top", "without user, query and fragment"),
    ("PACS_SERVICE_URL", "https://pacs.example.org /rs", "such as"),
    ("PACS_SERVICE_URL", "https://pacs.example.org:0", "such as"),
    ("PACS_DIALECT", "foo", "must be one of o3, dicomweb, dcm4chee, orthanc, azure, google, healthimaging"),
    ("PACS_DIALECT", "Orthanc", "did you mean orthanc?"),
    ("PACS_DIALECT", "orthnac", "did you mean orthanc?"),
    ("PACS_DIALECT", "dcm4che", "did you mean dcm4chee?"),
    ("PACS_AUTHORIZATION", "oauth", "did you mean oauth2?"),
    ("PACS_AUTHORIZATION_TOKEN", "t0ken\nX: 1", "no header may have"),
    ("PACS_AUTHORIZATION_TOKEN", "t0kén", "no header may have"),
    ("PACS_RETRIEVAL", "wado_rs", "did you mean wado-rs?"),
    ("PACS_RETRIEVAL_TYPES", "multi,single", "did you mean multipart?"),
    ("PACS_RETRIEVAL_TYPES", "none", "must be some of multipart, single"),
    ("PACS_PICTURES", "thumbnails", "did you mean thumbnail?"),
    ("PACS_PICTURES", "none,rendered", "must be some of"),
    ("PACS_WORKLIST", "ups", "did you mean ups-rs?"),
    ("WORKLIST_BACKEND", "dynamo", "did you mean dynamodb?"),
    ("DICOM_VIEWER_URL", "viewer.example.org", "such as https://example.org"),
    ("PACS_WORKITEM_CREATION_ENDPOINT", "/mwl/{studyInstanceUID}", "without host and query"),
    ("VIEWER_GET_TOKEN_ENDPOINT", "/ngv/obscurl?a=b", "without host and query"),
    ("VIEWER_AUTHORIZATION_TOKEN", "t0\rken", "no header may have"),
    ("DICOM_UID_ROOT", "abc", "such as 1.2.826.0.1.3680043.10.1"),
    ("DICOM_UID_ROOT", "1.2.826.00.1", "is not a UID"),
    ("DICOM_UID_ROOT", "3.1.2", "is not a UID"),
    ("DICOM_UID_ROOT", "1.40.2", "is not a UID"),
    ("DICOM_UID_ROOT", "1", "is not a UID"),
    ("DICOM_UID_ROOT", "1.2." + "3" * 40, "leaves fewer than 20 random digits"),
    ("CALLBACK_URLS", "notaurl", "entry 1 is not an http or https URL"),
    ("CALLBACK_URLS", "https://a.example,https://b.example#events=COMPLETED", "entry 2 has an option"),
    ("CALLBACK_SIGNING_SECRET", "t0ken", "secret 1"),
    ("CALLBACK_ALLOW_INSECURE", "yes", "did you mean true?"),
    ("CALLBACK_ALLOW_INSECURE", "0", "did you mean false?"),
    ("CALLBACK_ALLOWED_NETWORKS", "10.20.0.0/16, 10.30.0.1/16", "entry 2 .*did you mean 10.30.0.0/16?"),
    ("CALLBACK_ALLOWED_NETWORKS", "hospital", "such as 10.20.0.0/16"),
    ("CALLBACK_DEDUPE_SECONDS", "-1", "the nearest is 0"),
    ("CALLBACK_DEDUPE_SECONDS", "90000", "the nearest is 86400"),
    ("CALLBACK_DEDUPE_SECONDS", "10m", "must be a whole number from 0 to 86400"),
    ("CORS_ALLOWED_ORIGINS", "app.example.org", "such as https://app.example.org"),
    ("CORS_ALLOWED_ORIGINS", "https://a.example/", "such as"),
    ("CORS_ALLOWED_ORIGINS", "https://a.example,https://t0ken@b.example", "such as"),
    ("CORS_ALLOWED_ORIGINS", "https://a.example:port", "such as"),
    ("CORS_ALLOWED_ORIGINS", "https://a.example:99999", "such as"),
    ("CORS_ALLOWED_ORIGINS", "https://*.example.org", "such as"),
    ("PACS_SERVICE_URL", "https://a.example,https://b.example", "such as"),
    ("DICOM_VIEWER_URL", "https://a.example;https://b.example", "such as"),
    ("PACS_DIALECT", ARN, "must be one of"),
    ("PACS_SERVICE_URL", ARN, "such as"),
    ("DICOM_UID_ROOT", ARN, "is not a UID"),
    ("CALLBACK_DEDUPE_SECONDS", "9" * 5000, "from 0 to 86400"),
    ("CALLBACK_CONCURRENCY", "9" * 5000, "from 1 to 1000"),
    ("PORT", "9" * 5000, "whole number from 0 to 65535"),
    ("DATA_DIR", "x" * 5000, "DATA_DIR is no folder"),
    ("PORT", "eighty", "whole number from 0 to 65535"),
    ("DATA_DIR", "/dev/null", "DATA_DIR is no folder"),
]
WRONG += [(name, "http://pacs/studies", "without host and query") for name in
          (setting.name for setting in TABLE if setting.form == "path")]  # fmt: skip

RIGHT = [
    {"PACS_SERVICE_URL": "https://pacs.example.org:8443/dicom-web/", "PACS_DIALECT": "dicomweb"},
    {"PACS_SERVICE_URL": " http://[::1]:8042/ ", "PACS_POST_EXAM_ENDPOINT": "rs/studies/", "PACS_WADO_ENDPOINT": "/"},
    {"PACS_PICTURES": "none", "PACS_RETRIEVAL_TYPES": "single, multipart"},
    {"PACS_PICTURES": "rendered,thumbnail", "PACS_WORKLIST": "none", "WORKLIST_BACKEND": "dynamodb"},
    {"PACS_WORKITEM_DELETION_ENDPOINT": "/mwl/{studyInstanceUID}/item", "DICOM_UID_ROOT": "1.2.3."},
    {"CALLBACK_URLS": "https://a.example,", "CALLBACK_SIGNING_SECRET": SECRET, "CALLBACK_DEDUPE_SECONDS": "0"},
    {"CALLBACK_URLS": ARN, "PACS_CA_BUNDLE": ARN, "PACS_DIALECT": ""},
    {"CALLBACK_ALLOWED_NETWORKS": "10.20.0.0/16, fd00::/8", "CALLBACK_ALLOW_INSECURE": "false"},
    {"CORS_ALLOWED_ORIGINS": "*"},
    {"CORS_ALLOWED_ORIGINS": "https://a.example,http://localhost:3000"},
    {"PORT": "0"},
]


@pytest.mark.parametrize(("name", "value", "hint"), WRONG)
def test_a_wrong_setting_is_named_with_what_would_be_right(name: str, value: str, hint: str) -> None:
    problems = configuration.wrong({name: value})

    assert list(problems) == [name]
    assert problems[name].startswith(name)
    assert all(part in problems[name] for part in hint.split(".*"))
    assert "t0k" not in problems[name]


@pytest.mark.parametrize("variables", [{}, *RIGHT])
def test_right_settings_are_right(variables: dict[str, str]) -> None:
    assert configuration.wrong(variables) == {}


def test_each_of_several_is_named_though_they_are_used_together() -> None:
    variables = {"CALLBACK_URLS": "a", "CALLBACK_ALLOW_INSECURE": "no!", "PACS_DIALECT": "x", "PACS_RETRIEVAL": "y"}
    assert set(configuration.wrong(variables)) == set(variables)


def test_access_tokens_need_a_client() -> None:
    names = {"PACS_OAUTH_TOKEN_URL", "PACS_OAUTH_CLIENT_ID", "PACS_OAUTH_CLIENT_SECRET"}
    assert set(configuration.wrong({"PACS_AUTHORIZATION": "oauth2"})) == names
    complete = dict.fromkeys(names, "https://login.example.org/token?policy=a") | {"PACS_AUTHORIZATION": "oauth2"}
    assert configuration.wrong(complete) == {}
    ignored = dict.fromkeys(names, "https://login.example.org/token") | {"PACS_SERVICE_URL": "https://pacs.example.org"}
    assert set(configuration.wrong(ignored)) == names


def test_certificates_are_read(tmp_path: Path) -> None:
    authority = Authority("hospital")
    bundle, certificate, text = (tmp_path / name for name in ("bundle", "certificate", "text"))
    bundle.write_text(authority.pem)
    certificate.write_text(authority.signed("service"))
    text.write_text("no certificate")
    for name, right in (("PACS_CA_BUNDLE", bundle), ("PACS_CLIENT_CERTIFICATE", certificate)):
        assert configuration.wrong({name: str(right)}) == {}
        assert configuration.wrong({name: right.read_text().replace("\n", "\\n")}) == {}
        for wrong in (str(text), str(tmp_path / "missing"), str(tmp_path), "-----BEGIN CERTIFICATE-----\nt0ken"):
            problems = configuration.wrong({name: wrong})
            assert list(problems) == [name]
            assert "t0ken" not in problems[name]
    assert list(configuration.wrong({"PACS_CLIENT_CERTIFICATE": str(bundle)})) == ["PACS_CLIENT_CERTIFICATE"]


KNOWN = [setting.name for setting in (*configuration.OF_THE_RUNNER, *TABLE)]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("CALLBACK_URL", "CALLBACK_URLS"),
        ("PACS_URL", "PACS_SERVICE_URL"),
        ("PACS_TOKEN", "PACS_AUTHORIZATION_TOKEN"),
        ("DICOM_UID_ROTO", "DICOM_UID_ROOT"),
        ("CALBACK_URLS", "CALLBACK_URLS"),
        ("WORKLST_BACKEND", "WORKLIST_BACKEND"),
        ("DATADIR", "DATA_DIR"),
        ("VIEWER_URL", "DICOM_VIEWER_URL"),
        ("pacs_dialect", "PACS_DIALECT"),
        ("PacsServiceUrl", "PACS_SERVICE_URL"),
        ("CALLBACK_SECRETS", "CALLBACK_SECRET"),
        ("PACS_XYZ", ""),
    ],
)
def test_a_variable_that_looks_like_a_setting_is_told_with_the_nearest(name: str, nearest: str) -> None:
    assert list(misspelt([name, "PACS_DIALECT"], KNOWN)) == [(name, nearest)]


def test_other_variables_are_nobodys_business() -> None:
    others = [
        "AWS_CA_BUNDLE", "CURL_CA_BUNDLE", "HOME", "HOSTNAME", "LANG", "LC_ALL", "MAKEFLAGS", "OLDPWD", "PATH",
        "PROMPT", "PYTHONPATH", "PYTHON_BASIC_REPL", "REQUESTS_CA_BUNDLE", "SHLVL", "SSH_AUTH_SOCK", "SUPPORT",
        "TERM", "TMPDIR", "USER", "VIRTUAL_ENV", "XDG_DATA_DIRS", "XDG_DATA_HOME", "EXPORT",
        "PORTS", "SECRET", "http_proxy", "_",
    ]  # fmt: skip
    assert list(misspelt(others, KNOWN)) == []
