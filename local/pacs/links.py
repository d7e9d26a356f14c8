"""The retrieve URLs that answers hold, for each of the two trees that the PACS serves."""

from urllib.parse import urlencode

from flask import request

LEVEL_NAMES = ("studies", "series", "instances")


def dicomweb_link(uids: tuple[str, ...]) -> str:
    """The WADO-RS address of a study, a series or an instance, by its UIDs from the study down."""
    path = "/".join(f"{name}/{uid}" for name, uid in zip(LEVEL_NAMES, uids, strict=False))
    return f"{request.host_url}dicom-web/{path}"


def o3_link(uids: tuple[str, ...]) -> str:
    """The WADO-URI address of an instance; of a study or a series, which it cannot name, that in WADO-RS."""
    if len(uids) < len(LEVEL_NAMES):
        return dicomweb_link(uids)
    query = {
        "requestType": "WADO",
        **dict(zip(("studyUID", "seriesUID", "objectUID"), uids, strict=True)),
        "contentType": "application/dicom",
    }
    return f"{request.host_url}o3-dpacs-wado/wado?{urlencode(query, safe='/')}"
