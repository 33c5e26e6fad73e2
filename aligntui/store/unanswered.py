"""Prompts that nothing answered, taken out again: the one thing that is ever deleted from the tree.

Pinned in tests/cli/test_failed_chat.py, which also has the database verified afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from aligntui.store.connection import Connection


class UnansweredPrompts:
    """The part of `Store` about prompts without an answer."""

    connection: Connection

    def forget_unanswered(self, session_id: str, exchange_ids: Sequence[str], *, and_session: bool) -> None:
        """Delete those of the exchanges that have no answer, all or none.

        Args:
            session_id: session that they belong to.
            exchange_ids: exchanges that were sent and perhaps not answered.
            and_session: whether the session goes too where it is empty then.

        Raises:
            StoreError: nothing could be written.
        """
        wanted = {"exchanges": json.dumps(list(exchange_ids)), "session": session_id}
        with self.connection.write() as conn:
            gone = conn.execute(
                "DELETE FROM turns WHERE exchange_id IN (SELECT value FROM json_each(:exchanges)) "
                "AND session_id = :session "
                "AND NOT EXISTS (SELECT 1 FROM turns answer JOIN turns prompt ON answer.parent_id = prompt.id "
                "WHERE prompt.exchange_id = turns.exchange_id)",
                wanted,
            ).rowcount
            # the counter follows insertions by a trigger, and nothing else deletes turns
            conn.execute(
                "UPDATE sessions SET turn_count = turn_count - :gone WHERE id = :session", {**wanted, "gone": gone}
            )
            if and_session:
                conn.execute("DELETE FROM sessions WHERE id = :session AND turn_count = 0", wanted)
