"""moto's transactions, without the copy of whole tables that it takes of each.

moto writes while it checks and, where a condition fails, puts a copy of the table in its place: each transaction costs
more the more there is in the table, and a stream that is being read goes on reading the table that was replaced.
"""

from typing import Any


def check_conditions_before_writing() -> None:
    """Checks every condition of a transaction first; what is written then needs no way back."""
    from moto.dynamodb.exceptions import TransactionCanceledException
    from moto.dynamodb.models import DynamoDBBackend
    from moto.dynamodb.models.table import Table

    write = DynamoDBBackend.transact_write_items

    def transact_write_items(self: Any, transact_items: list[dict[str, Any]]) -> None:
        held = [_holds(self, *next(iter(item.items()))) for item in transact_items]
        if not all(held):
            failed = ("ConditionalCheckFailed", "The conditional request failed", None)
            raise TransactionCanceledException([(None, None, None) if each else failed for each in held])
        write(self, transact_items)

    DynamoDBBackend.transact_write_items = transact_write_items
    Table.__deepcopy__ = lambda table, _memo: table


def _holds(backend: Any, kind: str, operation: dict[str, Any]) -> bool:
    from moto.dynamodb.comparisons import get_filter_expression

    if "ConditionExpression" not in operation:
        return True
    table = backend.get_table(operation["TableName"])
    attributes = operation["Item"] if kind == "Put" else operation["Key"]
    key = {name: attributes[name] for name in (table.hash_key_attr, table.range_key_attr) if name}
    condition = get_filter_expression(
        operation["ConditionExpression"],
        operation.get("ExpressionAttributeNames"),
        operation.get("ExpressionAttributeValues"),
    )
    return bool(condition.expr(backend.get_item(operation["TableName"], key)))
