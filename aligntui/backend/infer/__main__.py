"""`python -m aligntui.backend.infer`: the engine process.

Reads requests from standard input and writes events to standard output, one JSON object a line. Standard error is
the log. Leaves when its input closes.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from aligntui.backend import stdio
from aligntui.wire import codec, engine

if TYPE_CHECKING:
    from aligntui.backend.infer.owner import Owner


def main() -> None:
    """Claim the pipe, then import torch, then answer; this thread owns the model, another one reads."""
    pipe = stdio.claim()

    def send(event: Any) -> None:
        pipe.write(codec.encode(event))

    # imported only now: whatever torch prints must find the pipe claimed
    try:
        from aligntui.backend.infer.owner import Owner
        from aligntui.backend.infer.weights import library_versions
    except ImportError as error:
        send(
            engine.RequestFailed(
                "",
                "environment",
                f"The engine cannot start: {error}.",
                "Install aligntui again: `pip install aligntui`.",
            )
        )
        stdio.leave(3)
        raise
    owner = Owner(send)
    send(engine.EngineStarted(engine.PROTOCOL_VERSION, os.getpid(), library_versions()))
    threading.Thread(target=read_requests, args=(pipe, owner, send), name="reader", daemon=True).start()
    owner.run()


def read_requests(pipe: stdio.Pipe, owner: Owner, send: Any) -> None:
    """Hand over every line; a line that is no request is answered and passed over.

    Leaves the process when the input ends: nobody is there to read the answers, and the weights must not stay behind.
    """
    for line in pipe.requests:
        if not line.strip():
            continue
        try:
            request = codec.decode(line)
            if not isinstance(request, engine.REQUESTS):
                raise codec.BadMessage(f"{type(request).__name__} is an event, not a request.")
        except Exception as error:  # noqa: BLE001 - the process edge
            # whatever a line does to the reader (nesting without end, for example), the next one must be heard
            sys.stderr.write(f"{error}\n")
            send(engine.RequestFailed("", "engine", f"A line could not be read: {error}"[:500]))
            continue
        if isinstance(request, engine.StopEngine):
            break
        owner.submit(request)
    stdio.leave(0)


if __name__ == "__main__":
    main()
