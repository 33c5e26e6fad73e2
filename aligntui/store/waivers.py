"""Findings of lint that somebody looked at and lets stand."""

from __future__ import annotations

from dataclasses import dataclass

from aligntui.core.errors import UserError
from aligntui.core.ids import new_id, now_utc
from aligntui.store.connection import Connection
from aligntui.store.values import storable

_COLUMNS = "id, rule, subject, key, reason, annotator, created_at, withdrawn_at"


@dataclass(frozen=True)
class StoredWaiver:
    """Somebody lets a finding stand, and why."""

    id: str
    rule: str
    subject: str
    """Within the rule, what it is about; empty for all of it."""
    key: str
    """Key of one finding, or `*` for all of the rule and subject."""
    reason: str
    annotator: str
    created_at: str
    withdrawn_at: str | None
    """None while it is in force."""


class WaiverTable:
    """The part of `Store` about waivers."""

    connection: Connection

    def add_waiver(self, rule: str, key: str, reason: str, annotator: str = "", *, subject: str = "") -> StoredWaiver:
        """Let a finding stand.

        Raises:
            UserError: rule, key or reason is blank, or the finding is waived already.
            StoreError: it could not be written.
        """
        rule, key, reason, subject = (storable(text).strip() for text in (rule, key, reason, subject))
        if not rule or not key:
            raise UserError("A waiver names the rule and the key of a finding.", "The key '*' means all of the rule.")
        if not reason:
            raise UserError(f"A waiver of {rule} needs a reason.", "Say in a few words why it may stand.")
        waiver = StoredWaiver(new_id("waiver"), rule, subject, key, reason, storable(annotator), now_utc(), None)
        with self.connection.write() as conn:
            same = conn.execute(
                "SELECT id FROM waivers WHERE rule = ? AND subject = ? AND key = ? AND withdrawn_at IS NULL",
                (rule, subject, key),
            ).fetchone()
            if same:
                raise UserError(f"This finding of {rule} is waived already, by {same[0]}.", "Withdraw that one first.")
            conn.execute(
                f"INSERT INTO waivers ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (waiver.id, rule, subject, key, reason, waiver.annotator, waiver.created_at, None),
            )
        return waiver

    def list_waivers(self, include_withdrawn: bool = False) -> list[StoredWaiver]:
        """Waivers, oldest first."""
        where = "" if include_withdrawn else "WHERE withdrawn_at IS NULL"
        with self.connection.read() as conn:
            return [StoredWaiver(*row) for row in conn.execute(f"SELECT {_COLUMNS} FROM waivers {where} ORDER BY seq")]

    def withdraw_waiver(self, waiver_id: str) -> StoredWaiver:
        """Let a finding count again; the waiver stays in the database, marked.

        Raises:
            UserError: there is no such waiver, or it is withdrawn already.
            StoreError: it could not be written.
        """
        with self.connection.write() as conn:
            row = conn.execute(f"SELECT {_COLUMNS} FROM waivers WHERE id = ?", (storable(waiver_id),)).fetchone()
            if row is None:
                raise UserError(f"There is no waiver {waiver_id!r}.")
            if row["withdrawn_at"] is not None:
                raise UserError(f"The waiver {waiver_id} is withdrawn already.")
            conn.execute("UPDATE waivers SET withdrawn_at = ? WHERE id = ?", (now_utc(), waiver_id))
            return StoredWaiver(*conn.execute(f"SELECT {_COLUMNS} FROM waivers WHERE id = ?", (waiver_id,)).fetchone())
