"""A real OpenAI-compatible server over HTTP that serves a model of this machine, with manners that a test can choose.

    python tests/openai_server.py --model FOLDER [--adapter NAME=FOLDER] [--port N]

The texts come from the real decode loop of the engine. Without a test around it, it prints its address and serves until
it is killed. `OpenAIServer` is the same in a thread, on a free port of the loopback interface.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from aligntui.core.sampling import Sampling
from tests.served_voice import Voice, tiny_voice

REQUIRED = ("model", "messages", "prompt", "temperature", "top_p", "stream")


@dataclass
class Manners:
    """How a server behaves; every field may be changed while it runs."""

    names: list[str] = field(default_factory=lambda: ["tiny", "tiny-demo"])
    """Models that it serves, the base first."""
    lists: bool = True
    """Whether it keeps a list of models."""
    listed: list[Any] | None = None
    """The list, where it is not made of `names` in vLLM's shape."""
    any_name: bool = False
    """Answer whatever model is asked for, as llama.cpp does."""
    key: str = ""
    """Key that it wants."""
    fields: set[str] | None = None
    """Optional fields that it takes; others are refused by name. None takes all."""
    system: bool = True
    """Whether its template takes a system message."""
    context: int = 0
    """Tokens of prompt and answer together, 0 for no limit."""
    ids: bool = True
    """Whether it tells token ids."""
    fingerprint: str = ""
    delay_s: float = 0.0
    """Before each answer."""
    # faults, each for questions only and not for the list of models
    busy: int = 0
    """So many next questions are answered with HTTP 429."""
    retry_after: str = ""
    """Retry-After of those."""
    fail: int = 0
    """So many next questions are answered with HTTP 500."""
    fail_on: str = ""
    """HTTP 500 whenever this is in the prompt."""
    drop: int = 0
    """So many next questions lose their connection before an answer."""
    cut: int = 0
    """So many next questions lose their connection in the middle of the answer."""
    hang_on: str = ""
    """No answer, and no end, whenever this is in the prompt."""
    die_after: int = 0
    """After so many answers it listens no more and drops every connection; 0 is never."""
    instead: str = ""
    """Sent in place of every answer."""
    text: str | None = None
    """Said in place of what the model says."""


class OpenAIServer:
    """A server in a thread; a context manager.

    Args:
        manners: its behaviour.
        voice: the weights; several servers may share them. None is the tiny model.
        port: 0 is a free one.
    """

    def __init__(self, manners: Manners | None = None, voice: Voice | None = None, port: int = 0) -> None:
        self.voice = voice or tiny_voice()
        self.manners = manners or Manners()
        self.asked: list[dict[str, Any]] = []
        """Bodies of the questions, those before a run included."""
        self.answered = 0
        self.most_at_once = 0
        self.keys: list[str] = []
        """What was sent as a key."""
        self._open = 0
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._http = _Http(("127.0.0.1", port), _handler(self))
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def questions(self, text: str = "") -> list[dict[str, Any]]:
        """What was asked with this text in the prompt; without one all but the greetings before a run."""
        found = [body for body in self.asked if text in json.dumps(body)]
        return found if text else [body for body in found if "Say yes." not in json.dumps(body)]

    def __enter__(self) -> OpenAIServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.die()
        self._thread.join(10)

    def die(self) -> None:
        """Listen no more, and drop every connection."""
        self._released.set()
        threading.Thread(target=self._http.shutdown, daemon=True).start()
        self._http.drop_all()

    # answering --------------------------------------------------------------------------------------

    @contextmanager
    def counted(self) -> Iterator[None]:
        with self._lock:
            self._open += 1
            self.most_at_once = max(self.most_at_once, self._open)
        try:
            yield
        finally:
            with self._lock:
                self._open -= 1

    def takes(self, name: str) -> bool:
        """Use up one of a number of faults."""
        with self._lock:
            left = getattr(self.manners, name)
            if left:
                setattr(self.manners, name, left - 1)
            return bool(left)

    def may_answer(self) -> bool:
        """Count an answer; none comes after the last one of a server that dies."""
        with self._lock:
            if self.answered == self.manners.die_after > 0:
                return False
            self.answered += 1
            return True

    def models(self) -> list[Any]:
        names = self.manners.names
        if self.manners.listed is not None:
            return self.manners.listed
        shape = {"object": "model", "created": int(time.time()), "owned_by": "vllm"}
        more = {"max_model_len": self.manners.context} if self.manners.context else {}
        return [
            {"id": name, "root": f"/models/{name}", "parent": names[0] if place else None, **shape, **more}
            for place, name in enumerate(names)
        ]

    def wait_for_ever(self) -> None:
        self._released.wait(60)

    def refusal(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        """Status and JSON of a question that is wrong, in the words of vLLM."""
        manners = self.manners
        if body["model"] not in manners.names and not manners.any_name:
            return 404, {"error": {"message": f"The model `{body['model']}` does not exist.", "code": 404}}
        strange = sorted(set(body) - {*REQUIRED, "max_tokens", *(manners.fields or ())})
        if manners.fields is not None and strange:
            return 422, {"detail": f"Unexpected fields in the request: {set(strange)}"}
        if not manners.system and any(one["role"] == "system" for one in body.get("messages", ())):
            return 400, {"error": {"message": "System role not supported"}}
        prompt = len(self.voice.tokens(self.text(body)))
        if manners.context and prompt + body["max_tokens"] > manners.context:
            said = f"This model's maximum context length is {manners.context} tokens. However, you requested "
            return 400, {"object": "error", "message": f"{said}{prompt + body['max_tokens']} tokens.", "code": 400}
        return None

    def text(self, body: dict[str, Any]) -> str:
        return body["prompt"] if "prompt" in body else self.voice.rendered(body["messages"])

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        """The JSON of an answer, in vLLM's shape."""
        text = self.text(body)
        sampling = Sampling(body["temperature"], body["top_p"], body["max_tokens"], body.get("seed", 0))
        said = self.voice.say(text, sampling, body["model"])
        chat = "messages" in body
        choice: dict[str, Any] = {"index": 0, "finish_reason": "stop" if said.finish == "stop" else "length"}
        words = said.text if self.manners.text is None else self.manners.text
        choice |= {"message": {"role": "assistant", "content": words}} if chat else {"text": words}
        if body.get("logprobs"):
            values = list(said.logprobs)
            content = [
                {"token": str(token), "logprob": value} for token, value in zip(said.token_ids, values, strict=True)
            ]
            choice["logprobs"] = {"content": content} if chat else {"token_logprobs": values}
        if body.get("return_token_ids") and self.manners.ids:
            choice["token_ids"] = list(said.token_ids)
        prompt = len(self.voice.tokens(text))
        return {
            "id": "x",
            "object": "chat.completion" if chat else "text_completion",
            "model": body["model"],
            "choices": [choice],
            "usage": {"prompt_tokens": prompt, "completion_tokens": len(said.token_ids)},
            **({"system_fingerprint": self.manners.fingerprint} if self.manners.fingerprint else {}),
        }


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._connections: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that was dropped is what the test wanted."""

    def drop_all(self) -> None:
        self.socket.close()
        for connection in list(self._connections):
            cut_off(connection)


def cut_off(connection: socket.socket) -> None:
    """End a connection as a killed process does."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
        connection.close()
    except OSError:
        pass


def _handler(server: OpenAIServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def do_GET(self) -> None:
            if not self._is_let_in():
                return
            if self.path == "/v1/models" and server.manners.lists:
                self._send(200, {"object": "list", "data": server.models()})
            else:
                self._send(404, {"detail": "Not Found"})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if not self._is_let_in():
                return
            if self.path not in ("/v1/chat/completions", "/v1/completions"):
                return self._send(404, {"detail": "Not Found"})
            server.asked.append(body)
            with server.counted():
                self._answer(body)

        def _answer(self, body: dict[str, Any]) -> None:
            manners, prompt = server.manners, json.dumps(body)
            time.sleep(manners.delay_s)
            if server.takes("busy"):
                after = {"Retry-After": manners.retry_after} if manners.retry_after else {}
                return self._send(429, {"error": {"message": "Too many requests."}}, after)
            if server.takes("fail") or (manners.fail_on and manners.fail_on in prompt):
                return self._send(500, {"error": {"message": "Internal error."}})
            if server.takes("drop"):
                return cut_off(self.connection)
            if manners.hang_on and manners.hang_on in prompt:
                return server.wait_for_ever()
            if manners.instead:
                return self._send(200, manners.instead)
            refusal = server.refusal(body)
            if refusal is not None:
                return self._send(*refusal)
            answer = server.answer(body)
            if server.takes("cut"):
                self.send_response(200)
                self.send_header("Content-Length", "100000")
                self.end_headers()
                self.wfile.write(b'{"choices": [')
                self.wfile.flush()
                return cut_off(self.connection)
            if not server.may_answer():
                return cut_off(self.connection)
            self._send(200, answer)
            if server.answered == manners.die_after:
                server.die()

        def _is_let_in(self) -> bool:
            sent = self.headers.get("authorization", "")
            server.keys.append(sent)
            if server.manners.key and sent != f"Bearer {server.manners.key}":
                self._send(401, {"error": {"message": "Invalid API key."}})
                return False
            return True

        def _send(self, status: int, payload: Any, headers: Mapping[str, str] | None = None) -> None:
            data = payload.encode() if isinstance(payload, str) else json.dumps(payload).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

    return Handler


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--name", default="tiny")
    parser.add_argument("--adapter", action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--port", type=int, default=0)
    asked = parser.parse_args()
    adapters = {name: Path(folder) for name, _, folder in (text.partition("=") for text in asked.adapter)}
    manners = Manners([asked.name, *adapters], delay_s=asked.delay)
    with OpenAIServer(manners, Voice(asked.model, adapters), asked.port) as server:
        print(server.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
