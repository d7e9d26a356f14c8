"""A part of a list, and where the next part is (RFC 8288)."""

from typing import Annotated, Any
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.openapi.params import Query

LimitQuery = Annotated[int | None, Query(alias="limit", ge=1, description="At most so many; all by default")]
OffsetQuery = Annotated[int, Query(alias="offset", ge=0, description="Leaves out so many of the first")]

LINK: dict[str, Any] = {
    "Link": {
        "description": '`<…>; rel="next"` where more follows after `limit`: a path and query of this API',
        "schema": {"type": "string"},
    }
}

ELSEWHERE: dict[int, Any] = {
    303: {
        "description": "The answer is larger than a function may give: fetch it from `Location` within five minutes",
        "headers": {"Location": {"description": "A signed URL", "schema": {"type": "string", "format": "uri"}}, **LINK},
    },
}


def page_of(rows: list[dict[str, Any]], limit: int | None, offset: int) -> list[dict[str, Any]]:
    """The rows that a limit and an offset leave."""
    return rows[offset:] if limit is None else rows[offset : offset + limit]


def next_link(app: APIGatewayHttpResolver, count: int, limit: int | None, offset: int) -> dict[str, str]:
    """The Link header of a part of `count` rows, all or those that were looked for; none where nothing follows."""
    if limit is None or offset + limit >= count:
        return {}
    event = app.current_event.raw_event
    query = {**(event.get("queryStringParameters") or {}), "limit": limit, "offset": offset + limit}
    return {"Link": f'<{app.context["base_path"]}{app.current_event.path}?{urlencode(query)}>; rel="next"'}
