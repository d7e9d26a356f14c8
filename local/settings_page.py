"""`make settings`: docs/settings.md, from the table of the settings."""

from collections.abc import Iterable
from pathlib import Path

from dicom_service.configuration.setting import Setting
from dicom_service.configuration.table import TABLE
from local.configuration import OF_THE_RUNNER

PAGE = Path(__file__).parents[1] / "docs/settings.md"

HEAD = """\
# Settings

Written by `make settings`, from `layers/dicom_service/dicom_service/configuration/table.py`.

On AWS each setting is a parameter of `template.yaml` (`PACS_SERVICE_URL` is `PacsServiceUrl`), which refuses most wrong
values; `GET /-/ready` checks all and names those that are wrong. `make run` takes environment variables of these
names, checks all of them before it starts anything, and warns about a variable that looks like one of them. A secret
may be given as the ARN of one in Secrets Manager whose name begins with the stack's and a slash (`dicom-service/…`).

"""


def page() -> str:
    """The page's Markdown."""
    return HEAD + _rows(TABLE) + "\n## Of `make run` alone\n\n" + _rows(OF_THE_RUNNER)


def _rows(table: Iterable[Setting]) -> str:
    lines = ["| Variable | Value | Default | Meaning | Read by |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| `{each.name}` | {_value(each)} | {_default(each)} | {each.meaning} | {_readers(each)} |" for each in table
    ]
    return "\n".join(lines) + "\n"


def _value(setting: Setting) -> str:
    return setting.form + ("; secret" if setting.secret else "")


def _default(setting: Setting) -> str:
    return "required" if setting.required else f"`{setting.default}`" if setting.default else ""


def _readers(setting: Setting) -> str:
    return ", ".join(f"`{name}`" for name in sorted(setting.readers))


if __name__ == "__main__":
    PAGE.write_text(page())
