"""What a question can be made of: names with their users, and properties with some values."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING

from core.vocabulary import SAMPLED_EVENTS, Vocabulary, find_vocabulary
from core.warehouse.pull import log_of
from core.warehouse.view import View

if TYPE_CHECKING:
    from core.warehouse.table import EventTable


def find_words(table: EventTable) -> Vocabulary:
    """The vocabulary of a table; its properties are those of the first events."""
    rows = table.all_rows()
    names = table.session.dialect.users_of_names(rows.filter(rows.user.notnull()))
    users = table.session.ask(names, "users of each name").to_pylist()
    some = table.examples(SAMPLED_EVENTS)
    found = table.session.ask(some, "examples of properties")
    return Vocabulary(
        {row["name"]: int(row["users"]) for row in sorted(users, key=itemgetter("name"))},
        find_vocabulary(log_of(found, View())).properties if found.num_rows else {},
    )
