"""Who may import what: arrows point one way, and each outside system has one door."""

import sys

from tests.structure.sources import LAYER, ROOT, handlers, layer

FOUNDATIONS = {"bucket", "correlation", "errors", "metrics", "settings", "stores", "uid", "uid_registry"}

MAY_IMPORT = {
    "errors": set(),
    "settings": {"errors"},
    "stores": {"errors"},
    "bucket": {"settings", "stores"},
    "uid": {"errors", "settings"},
    "uid_registry": {"errors", "settings", "stores", "uid"},
    "faults": {"errors"},
    "correlation": {"faults"},
    "metrics": set(),
    "audit": FOUNDATIONS,
    "access": FOUNDATIONS | {"faults", "pacs"},
    "batch": {"correlation", "errors", "faults", "metrics"},
    "pacs": FOUNDATIONS,
    "worklist": FOUNDATIONS | {"faults", "pacs"},
    "exams": FOUNDATIONS | {"audit", "batch", "faults", "pacs"},
    "viewer": FOUNDATIONS | {"pacs"},
    "configuration": FOUNDATIONS | {"access", "audit", "pacs", "worklist", "events"},
    "readiness": FOUNDATIONS | {"configuration", "pacs"},
    "events": FOUNDATIONS | {"batch", "faults"},
    "http": {"access", "audit", "bucket", "correlation", "errors", "faults", "metrics", "uid"},
}
"""What each subject of the layer may know of the others: worklist, exams, viewer and events know none of each other."""

DOORS = {
    "PIL": {"exams"},
    "aws_lambda_powertools": {"batch", "faults", "http", "metrics", "pacs", "settings"},
    "boto3": {"stores"},
    "botocore": {"pacs", "stores"},
    "certifi": {"events", "pacs"},
    "idna": {"events"},
    "imagecodecs": {"exams"},
    "jwt": {"access"},
    "numpy": {"exams"},
    "pybase64": {"http"},
    "pydantic": {"http", "worklist"},
    "pydicom": {"exams"},
    "pypdfium2": {"exams"},
    "requests": {"access", "pacs"},
    "standardwebhooks": {"events"},
    "urllib3": {"access", "pacs"},
}
"""Which subjects may use which package."""

PICTURES = "dicom_service.exams.pictures"
STEPS = ("reading", "decoding", "shading")
"""Of a picture, in their order: none knows of one that comes after it, or of what brings them together."""

MOST_LINES = 260

HANDLERS_MAY_IMPORT = sys.stdlib_module_names | {"aws_lambda_powertools", "dicom_service", "pydantic"}


def test_subjects_know_only_what_is_below_them() -> None:
    found = {
        (source.name, name)
        for source in layer()
        for name in source.imports()
        if name.startswith("dicom_service.") and name.split(".")[1] not in {source.subject, *MAY_IMPORT[source.subject]}
    }

    assert found == set()


def test_the_steps_of_a_picture_know_only_those_before_them() -> None:
    beside = {f"{PICTURES}.{name}" for name in (*STEPS, "draw")}
    found = {
        (source.name, name)
        for step, source in ((source.name.split(".")[3:4], source) for source in layer())
        if source.name.startswith(f"{PICTURES}.") and step[0] in STEPS
        for name in source.imports()
        if ".".join(name.split(".")[:4]) in beside and name.split(".")[3] not in STEPS[: STEPS.index(step[0]) + 1]
    }

    assert found == set()


def test_every_package_has_its_doors() -> None:
    found = {
        (source.name, name)
        for source in layer()
        for name in (imported.split(".")[0] for imported in source.imports())
        if name not in sys.stdlib_module_names
        and name != "dicom_service"
        and source.subject not in DOORS.get(name, set())
    }

    assert found == set()


def test_handlers_use_the_layer_and_no_package_beside_it() -> None:
    found = {
        (source.name, name)
        for source in handlers()
        for name in source.imports()
        if name.split(".")[0] not in HANDLERS_MAY_IMPORT
    }

    assert found == set()


def test_a_function_is_one_module() -> None:
    assert {source.path.name for source in handlers()} == {"app.py"}


def test_packages_export_nothing() -> None:
    packages = [*LAYER.rglob("__init__.py"), *(ROOT / "local").rglob("__init__.py")]

    assert packages
    assert [path for path in packages if path.stat().st_size] == []


def test_no_module_grows_beyond_reading() -> None:
    lines = {source.name: len(source.path.read_text().splitlines()) for source in [*layer(), *handlers()]}

    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}
