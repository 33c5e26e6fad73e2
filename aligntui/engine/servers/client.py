"""One server over HTTP: questions with retries, and the list of its models.

Pinned in tests/engine/test_servers_client.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aligntui.core.printable import one_line
from aligntui.engine.servers import faults
from aligntui.engine.servers.address import ServerAddress, api_key
from aligntui.engine.servers.answer import ServerAnswer, read_answer
from aligntui.engine.servers.patience import Patience, retry_after_s
from aligntui.engine.servers.question import Dialect, Question, body_of

if TYPE_CHECKING:
    import httpx2

MAX_BYTES = 64 * 2**20
"""Longest body that is read; the log-probs of the longest answers take a few MB."""
LIST_TIMEOUT_S = 30.0
LIST_ATTEMPTS = 3
"""Times that a list is asked for: a server that has none to give may say so by an error."""
_BUSY = (408, 409, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529)
"""HTTP statuses after which the same question may well be answered."""


@dataclass(frozen=True)
class ListedModel:
    """An entry of a server's list of models."""

    id: str
    parent: str = ""
    """vLLM's word for the base of a LoRA adapter; empty for a base, and where it is not told."""
    root: str = ""
    """Where the server read it."""
    owned_by: str = ""
    """`vllm`, `llamacpp`, or whatever the server calls itself."""
    context_length: int = 0
    """Tokens of prompt and answer together; 0 where it is not told."""


class ServerClient:
    """One server. Use it from one event loop, and close it.

    Args:
        address: where it is.
        timeout_s: how long one answer may take.
        patience: of its retries.
        key: its API key; None asks the environment.
    """

    def __init__(
        self,
        address: ServerAddress,
        *,
        timeout_s: float = 600.0,
        patience: Patience | None = None,
        key: str | None = None,
    ) -> None:
        self.address = address
        self.retries = 0
        """Questions that were asked again."""
        self._key = key or api_key(address)
        self._timeout_s = timeout_s
        self._patience = patience or Patience()
        self._http: httpx2.AsyncClient | None = None
        self._resume_at = 0.0

    async def close(self) -> None:
        """Close its connections; what is asked still breaks off."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def ask(self, question: Question, model: str, dialect: Dialect) -> ServerAnswer:
        """Ask, and ask again where that may help.

        Raises:
            QuestionRefused: the server will not answer this question.
            NoAnswer: it did not, in spite of retries.
            ServerLost: it cannot be reached, wants another key, or does not know the model.
        """
        payload = await self._call("POST", dialect.path, body_of(question, model, dialect), self._timeout_s)
        return read_answer(payload, dialect.api, self.address, question.sampling.max_new_tokens)

    async def models(self) -> tuple[ListedModel, ...]:
        """What the server says that it serves; empty where it keeps no list.

        Raises:
            ServerLost: it cannot be reached, or wants another key.
            NoAnswer: it does not answer, or not in the shape of OpenAI's interface.
        """
        try:
            payload = await self._call("GET", "/models", None, min(LIST_TIMEOUT_S, self._timeout_s), LIST_ATTEMPTS)
        except (faults.ModelUnknown, faults.QuestionRefused):
            return ()
        entries = payload.get("data") if isinstance(payload, dict) else None
        if not isinstance(entries, list):
            raise faults.not_openai(self.address, f"a list of models without data: {one_line(str(payload), 160)}")
        return tuple(_listed(entry) for entry in entries if isinstance(entry, dict) and _word(entry.get("id")))

    async def _call(
        self, method: str, path: str, body: dict[str, Any] | None, timeout_s: float, most: int | None = None
    ) -> Any:
        """Send a request until it is answered, `most` times where that is given; returns the JSON of the answer."""
        attempt, most = 0, most or self._patience.attempts
        while True:
            await self._pause()
            try:
                return await self._send(method, path, body, timeout_s)
            except _Again as again:
                attempt += 1
                if attempt >= most:
                    raise again.at_last from None
                wait_s = self._patience.wait_s(attempt - 1)
                if again.wait_s is not None:
                    if again.wait_s > self._patience.most_asked_s:
                        raise again.at_last from None
                    wait_s = max(again.wait_s, wait_s)
                self.retries += 1
                if again.whole_server:
                    self._resume_at = max(self._resume_at, time.monotonic() + wait_s)
                else:
                    await asyncio.sleep(wait_s)

    async def _pause(self) -> None:
        """Wait as long as the server wants to be left alone."""
        while (wait_s := self._resume_at - time.monotonic()) > 0:
            await asyncio.sleep(wait_s)

    async def _send(self, method: str, path: str, body: dict[str, Any] | None, timeout_s: float) -> Any:
        import httpx2  # a tenth of a second, which only those pay who ask a server

        address = self.address
        try:
            async with (
                asyncio.timeout(timeout_s),
                self._client().stream(method, f"{address.url}{path}", json=body) as response,
            ):
                data = await self._read(response)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError) as error:
            why = one_line(str(error), 160) or type(error).__name__
            raise _Again(faults.unreachable(address, why), whole_server=True) from None
        except TimeoutError:
            raise faults.NoAnswer(
                f"{address.name} has not answered within {timeout_s:g} s.",
                "Let it have more time with --server-timeout, or ask it less at once with --at-once.",
            ) from None
        except httpx2.HTTPError as error:
            why = one_line(str(error), 160) or type(error).__name__
            raise _Again(
                faults.NoAnswer(f"{address.name} broke off the connection: {why}.", "Its log says more.")
            ) from None
        except (httpx2.InvalidURL, UnicodeError) as error:
            raise faults.unreachable(address, one_line(str(error), 160)) from None
        return self._judge(response.status_code, response.headers, data, body)

    async def _read(self, response: httpx2.Response) -> bytes:
        data = bytearray()
        async for part in response.aiter_bytes():
            data += part
            if len(data) > MAX_BYTES:
                raise faults.not_openai(self.address, f"more than {MAX_BYTES >> 20} MB for one answer")
        return bytes(data)

    def _judge(self, status: int, headers: httpx2.Headers, data: bytes, body: dict[str, Any] | None) -> Any:
        """The JSON of an answer, or the error that a status means."""
        payload = None
        with contextlib.suppress(ValueError, RecursionError):
            payload = json.loads(data)
        if 200 <= status < 300:
            if payload is None:
                raise faults.not_openai(self.address, f"no JSON: {_begin(data)}")
            return payload
        said = payload if payload is not None else _begin(data)
        if status in (401, 403):
            raise faults.locked(self.address, status, said, had_key=self._key is not None)
        if status == 404:
            raise faults.no_such_model(self.address, str((body or {}).get("model", "")), (), said)
        if status in _BUSY:
            raise _Again(
                faults.busy(self.address, status, said),
                wait_s=retry_after_s(headers.get("retry-after")),
                whole_server=status in (429, 503),
            )
        if 300 <= status < 400:
            to = one_line(headers.get("location", ""), 120) or "elsewhere"
            raise faults.ServerLost(f"{self.address.name} sends its callers to {to}.", "Name that address instead.")
        raise faults.refused(self.address, status, said)

    def _client(self) -> httpx2.AsyncClient:
        if self._http is None:
            import httpx2

            self._http = httpx2.AsyncClient(
                headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
                # the whole answer has a limit of its own: a server thinks long before its first byte
                timeout=httpx2.Timeout(None, connect=self._patience.connect_s),
                limits=httpx2.Limits(max_connections=None, max_keepalive_connections=64),
                trust_env=not self.address.is_local,
            )
        return self._http


class _Again(Exception):
    """The same question may be answered another time."""

    def __init__(
        self, at_last: faults.NoAnswer | faults.ServerLost, *, wait_s: float | None = None, whole_server: bool = False
    ) -> None:
        super().__init__(str(at_last))
        self.at_last = at_last
        """What it comes to when it never is."""
        self.wait_s = wait_s
        """How long the server asks to be left alone."""
        self.whole_server = whole_server
        """Whether it will turn away other questions as well."""


def _listed(entry: dict[str, Any]) -> ListedModel:
    meta = entry.get("meta")
    lengths = (entry.get("max_model_len"), (meta if isinstance(meta, dict) else {}).get("n_ctx"))
    found = next((n for n in lengths if isinstance(n, int) and not isinstance(n, bool) and 0 < n < 2**31), 0)
    return ListedModel(
        id=_word(entry.get("id")),
        parent=_word(entry.get("parent")),
        root=_word(entry.get("root")),
        owned_by=_word(entry.get("owned_by")),
        context_length=found,
    )


def _word(value: Any) -> str:
    """A name in a list as it was sent: it has to be sent back unchanged. Names that nobody has are no names."""
    return value if isinstance(value, str) and len(value) <= 1000 else ""


def _begin(data: bytes) -> str:
    return one_line(data[:600].decode("utf-8", "replace"), 160) or "nothing"
