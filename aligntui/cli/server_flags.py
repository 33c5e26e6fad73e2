"""The flags by which commands ask servers in place of the local engine: the same for `switch run` and `score`.

    vllm serve meta-llama/Llama-3.1-8B-Instruct --enable-lora --lora-modules demo=adapters/demo
    aligntui switch run --server http://localhost:8000/v1

The base and every adapter that the server lists are asked. `--served SIDE=MODEL` says which model is which side where the
list does not tell, or asks for some of them only; several `--server` share the work.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aligntui.cli.option_flags import value_of
from aligntui.config.options import Option
from aligntui.core.errors import UserError

if TYPE_CHECKING:
    from aligntui.engine.servers.address import ServerWish

_API = Option("server-api", "chat", "Interface that is asked.", "server", choices=("chat", "plain"))
_TIMEOUT = Option(
    "server-timeout", 600.0, "Longest time for one answer, in seconds.", "server", low=0, high=86400, above=True
)
_LOCAL_ONLY = ("model", "adapter", "strength", "dtype", "quantisation", "device", "threads", "trust_remote_code")
"""Options about weights that are loaded here."""

_FLAGS: dict[str, tuple[Any, Any]] = {
    "server": (
        Annotated[
            list[str] | None,
            typer.Option(
                "--server",
                metavar="URL[=MODEL]",
                help="Ask this OpenAI-compatible server, such as http://localhost:8000/v1, in place of a model loaded "
                "here; give it again to share the work. MODEL is its name for the base. Its key comes from "
                "ALIGNTUI_API_KEY.",
                show_default=False,
            ),
        ],
        None,
    ),
    "served": (
        Annotated[
            list[str] | None,
            typer.Option(
                "--served",
                metavar="SIDE=MODEL",
                help="The servers' name of the base (base=MODEL) or of an adapter (demo=MODEL); give it again. Without it: "
                "the model they have, and the adapters that they list for it.",
                show_default=False,
            ),
        ],
        None,
    ),
    "server_api": (
        Annotated[
            str,
            typer.Option(
                "--server-api",
                metavar="<chat|plain>",
                parser=value_of(_API),
                help="chat: the server applies the chat template. plain: text is continued without a template.",
            ),
        ],
        "chat",
    ),
    "server_timeout": (
        Annotated[float, typer.Option("--server-timeout", metavar="S", parser=value_of(_TIMEOUT), help=_TIMEOUT.help)],
        _TIMEOUT.default,
    ),
}
"""Name to flag and default."""


def with_servers(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the flags about servers; it gets the parsed wish as `servers`, None where no server is named.

    Raises, when the command is called:
        UserError: a flag cannot be read, or asks for what only a server or only local weights can give.
    """
    own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.name != "servers"]

    @functools.wraps(command)
    def call(**values: Any) -> Any:
        typed = {name: values.pop(name) for name in _FLAGS}
        wish = server_wish(**typed)
        if wish is not None:
            # the options stand beside the other values, or in `flags` where `with_options` is the outer one
            refuse_local(values.get("flags", {name: 1 for name, value in values.items() if value not in (None, [])}))
        return command(**values, servers=wish)

    made = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=flag)
        for name, (flag, default) in _FLAGS.items()
    ]
    call.__signature__ = inspect.Signature([*own, *made])  # type: ignore[attr-defined]  what typer reads
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *made)}
    return call


def server_wish(
    server: list[str] | None, served: list[str] | None, server_api: str, server_timeout: float
) -> ServerWish | None:
    """What was typed; None where no server was named.

    Raises:
        UserError: an address or a pair cannot be read, a server is named twice, or sides are named without a server.
    """
    if not server:
        if served:
            raise UserError("--served names models of a server, and no server is given.", "Add --server URL.")
        return None
    from aligntui.engine.servers.address import Api, ServerWish, parse_served, parse_server

    addresses = tuple(parse_server(text) for text in server)
    urls = [address.url for address in addresses]
    twice = next((url for url in urls if urls.count(url) > 1), None)
    if twice is not None:
        raise UserError(f"The server {twice} is named twice.", "Ask it more at once with --at-once.")
    return ServerWish(addresses, parse_served(served or []), Api(server_api), server_timeout)


def refuse_local(typed: Iterable[str]) -> None:
    """Refuse options of local weights that were typed together with a server.

    Args:
        typed: names of the options that were.

    Raises:
        UserError: one of them is about local weights.
    """
    found = next((name for name in _LOCAL_ONLY if name in typed), None)
    if found is not None:
        flag = f"--{found.replace('_', '-')}"
        raise UserError(
            f"{flag} is about a model that is loaded here; the servers have loaded theirs.",
            "Name what they serve with --served SIDE=MODEL, or leave --server out.",
        )
