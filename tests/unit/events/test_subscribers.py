"""CALLBACK_URLS: who gets which events."""

import pytest

from dicom_service.errors import ConfigurationError
from dicom_service.events.subscribers import Subscriber, subscribers

ODD = "has a space, a line break, ';' or another character that no URL has: commas separate the URLs"


def parsed(monkeypatch: pytest.MonkeyPatch, urls: str, insecure: str = "") -> list[Subscriber]:
    monkeypatch.setenv("CALLBACK_URLS", urls)
    monkeypatch.setenv("CALLBACK_ALLOW_INSECURE", insecure)
    return list(subscribers().values())


def test_a_plain_list_with_spaces_gaps_and_a_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    found = parsed(monkeypatch, " https://a.example/hook , ,https://b.example:8443,https://a.example/hook")
    assert [subscriber.url for subscriber in found] == ["https://a.example/hook", "https://b.example:8443"]
    assert all(subscriber.wants("COMPLETED", ["CT"]) and subscriber.wants("", []) for subscriber in found)


def test_none_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parsed(monkeypatch, "") == []


def test_options_in_the_fragment(monkeypatch: pytest.MonkeyPatch) -> None:
    new, old = "whsec_" + "+b+/" * 8, "whsec_" + "b2xk" * 8
    options = f"event=COMPLETED&modality=CT&modality=MR&secret={new.replace('+', '%2B', 1)}&secret={old}"
    [found] = parsed(monkeypatch, f"https://a.example/hook?q=1#{options}")
    assert found.url == "https://a.example/hook?q=1"
    assert found.secrets == (new, old)


@pytest.mark.parametrize(
    ("event_type", "modalities", "wanted"),
    [
        ("COMPLETED", ["CT"], True),
        ("COMPLETED", ["XA", "MR"], True),
        ("COMPLETED", ["XA"], False),
        ("COMPLETED", [], False),
        ("INSTANCES_ADDED", ["CT"], False),
        ("", ["CT"], False),
    ],
)
def test_filters(monkeypatch: pytest.MonkeyPatch, event_type: str, modalities: list[str], wanted: bool) -> None:
    [found] = parsed(monkeypatch, "https://a.example/#event=COMPLETED&modality=CT&modality=MR")
    assert found.wants(event_type, modalities) is wanted


def test_credentials_are_neither_shown_nor_in_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    [found] = parsed(monkeypatch, "https://user:pass%40@a.example:8443/hook?token=t0ps3cret")
    assert found.shown == "https://a.example:8443/hook?..."
    assert len(found.key) == 32
    assert found.key.isalnum()


def test_the_key_is_the_urls_whatever_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    [plain] = parsed(monkeypatch, "https://a.example/hook")
    [filtered] = parsed(monkeypatch, "https://a.example/hook#modality=CT")
    [other] = parsed(monkeypatch, "https://a.example/hook?x=1")
    assert plain.key == filtered.key != other.key


@pytest.mark.parametrize(
    ("urls", "complaint"),
    [
        ("https://a.example,ftp://b.example", "entry 2 is not an http or https URL"),
        ("a.example", "entry 1 is not an http or https URL"),
        ("https://a.example:99999/s3cret", "entry 1 is not an http or https URL"),
        ("https://[::1", "entry 1 is not an http or https URL"),
        ("http://a.example/s3cret", "entry 1 is not https"),
        ("https://a.example#modalities=s3cret", "entry 1 has an option that is none of event, modality, secret"),
        ("https://a.example#secret=", "entry 1 has an option that is none of event, modality, secret"),
        ("https://a.example#secret=s3cret", "entry 1: secret 1 is not whsec_ and the base64 of at least 24 bytes"),
        ("https://a.example/s3cret https://b.example", f"entry 1 {ODD}"),
        ("https://a.example/s3cret\nhttps://b.example", f"entry 1 {ODD}"),
        ("https://a.example/s3\tcret", f"entry 1 {ODD}"),
        ("https://a.example,https://b.example;https://c.example/s3cret", f"entry 2 {ODD}"),
        ("https://a.example/s3cret|https://b.example", f"entry 1 {ODD}"),
        ("https://a.example\u00a0https://b.example/s3cret", f"entry 1 {ODD}"),
        ("https://a.example/\u200bs3cret", f"entry 1 {ODD}"),
        ('["https://a.example/s3cret", "https://b.example"]', f"entry 1 {ODD}"),
        ("<https://a.example/s3cret>", f"entry 1 {ODD}"),
        ("https://a.example/#event=A B", f"entry 1 {ODD}"),
        ("https://a.example/s3cret&https://b.example", "entry 1 has a second URL in it: commas separate the URLs"),
        ("https://a.example/s3crethttps://b.example", "entry 1 has a second URL in it: commas separate the URLs"),
        ("https://a.example/、HTTPS://b.example/s3cret", "entry 1 has a second URL in it: commas separate the URLs"),
        ("https://user:s3cret@☃.example", "entry 1 is not an http or https URL"),
        ("https://a..example", "entry 1 is not an http or https URL"),
        ("https://[fe80::1%25eth0]/", "entry 1 is not an http or https URL"),
        ("https:///hook", "entry 1 is not an http or https URL"),
        ("https://a.example,https://a.example#modality=CT", "entry 2 repeats a URL with other options"),
    ],
)
def test_what_is_wrong_is_named_and_never_repeated(monkeypatch: pytest.MonkeyPatch, urls: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        parsed(monkeypatch, urls)
    assert error.value.detail == f"CALLBACK_URLS: {complaint}"
    assert "s3cret" not in error.value.detail


@pytest.mark.parametrize(
    "url",
    [
        "https://straße.example/ü?q=é",
        "https://ris_1.example.:8443/a;b".replace(";", "%3B"),
        "https://[2001:db8::1]:8443/",
        "https://a.example/login?next=https://b.example/",
        "HTTPS://A.example/~x/%7Ey?z=(1)!*'$@:",
    ],
)
def test_urls_that_are_odd_and_right(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    assert [found.url for found in parsed(monkeypatch, f"\n {url} ,\n")] == [url.replace("HTTPS", "https")]


def test_http_where_it_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parsed(monkeypatch, "http://127.0.0.1:8000/hook", insecure="true")[0].url == "http://127.0.0.1:8000/hook"
