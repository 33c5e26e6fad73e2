"""The flags by which commands choose pairs: the same for `list`, `lint`, `stats`, `export` and `datasets build`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aligntui.cli.option_flags import value_of
from aligntui.config.options import Option
from aligntui.core.pair import Verdict

if TYPE_CHECKING:
    from aligntui.store import PairFilter, Store

_VERDICT = Option("verdict", Verdict.LEFT, "One of these verdicts.", "pairs", choices=tuple(map(str, Verdict)))


def _flag(kind: Any, *words: str, **declared: Any) -> Any:
    return Annotated[kind, typer.Option(*words, show_default=False, **declared)]


_FLAGS: dict[str, tuple[Any, Any]] = {
    "text": (_flag(str, "--text", metavar="WORDS", help="With all these words in prompt or answers."), ""),
    "session": (_flag(str, "--session", metavar="ID", help="Of this session only."), ""),
    "instruction": (
        _flag(str | None, "--instruction", metavar="TYPE[/N]", help="Under this instruction; none for without one."),
        None,
    ),
    "tag": (_flag(str | None, "--tag", metavar="TAG", help="With this tag."), None),
    "side": (
        _flag(str | None, "--side", metavar="SIDE", help="With an answer of this side: base, or an adapter's name."),
        None,
    ),
    "annotator": (_flag(str | None, "--annotator", metavar="NAME", help="Judged by this annotator."), None),
    "verdict": (
        _flag(
            list[str] | None,
            "--verdict",
            parser=value_of(_VERDICT),
            metavar=f"<{'|'.join(Verdict)}>",
            help="With this verdict; give it again for more.",
        ),
        None,
    ),
    "since": (_flag(str | None, "--since", metavar="WHEN", help="Judged on this day (UTC) or later."), None),
    "until": (_flag(str | None, "--until", metavar="WHEN", help="Judged on this day or before."), None),
    "imported": (
        _flag(
            bool | None,
            "--imported/--judged",
            help="Only verdicts that came with a file, or only those given here, whatever the answers came from.",
        ),
        None,
    ),
}
"""Name to flag and default; the fields of `store.PairFilter` but for those about deleted pairs."""


def with_filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the flags that choose pairs; it gets what was typed as one mapping, `filters`."""
    own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.name != "filters"]

    @functools.wraps(command)
    def call(**values: Any) -> Any:
        typed = {name: values.pop(name) for name in _FLAGS}
        return command(**values, filters=typed)

    made = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=flag)
        for name, (flag, default) in _FLAGS.items()
    ]
    call.__signature__ = inspect.Signature([*own, *made])  # type: ignore[attr-defined]  what typer reads
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *made)}
    return call


def pair_filter(store: Store, filters: dict[str, Any], *, deleted: bool | None = False) -> PairFilter:
    """The filter that was typed.

    Args:
        store: where the session is looked up by its name or id.
        filters: from `with_filters`.
        deleted: as `PairFilter.deleted`.

    Raises:
        UserError: there is no such session.
    """
    from aligntui.store import PairFilter

    session = filters["session"]
    return PairFilter(
        text=filters["text"],
        session_id=store.get_session(session).id if session else None,
        instruction=filters["instruction"],
        tag=filters["tag"],
        side=filters["side"],
        annotator=filters["annotator"],
        verdicts=tuple(map(Verdict, filters["verdict"] or ())),
        since=filters["since"],
        until=filters["until"],
        deleted=deleted,
        imported=filters["imported"],
    )
