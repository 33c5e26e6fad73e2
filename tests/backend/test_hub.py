"""Models of the hub, against a small hub of our own on this machine."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

LOAD = """
import sys
from pathlib import Path
from aligntui.backend.infer.hub import hub_folder
from aligntui.core.errors import AligntuiError
seen = []
try:
    folder = hub_folder(sys.argv[1], trust_remote_code=False, progress=lambda *event: seen.append(event))
    print(sorted(f.name for f in folder.iterdir()), seen[-1][0], seen[-1][1] > 1000)
except AligntuiError as error:
    print(type(error).__name__, error.message, "|", error.hint)
"""


@pytest.fixture
def hub(tiny_llama: Path) -> Iterator[str]:
    """Serves `owner/tiny`, the tiny Llama with a pickled file and a Python file beside it."""
    files = {f.name: f.read_bytes() for f in tiny_llama.iterdir()}
    files |= {"pytorch_model.bin": b"pickled", "own.py": b"code", "consolidated.safetensors": b"twice"}

    class Hub(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            name = path.rsplit("/", 1)[-1]
            if path.startswith("/api/models/owner/tiny/tree/"):
                entries = [
                    {"type": "file", "path": n, "size": len(d), "oid": hashlib.sha1(d).hexdigest()}
                    for n, d in files.items()
                ]
                self.answer(json.dumps(entries).encode())
            elif path.startswith("/api/models/owner/tiny"):
                names = [{"rfilename": n} for n in files]
                self.answer(json.dumps({"id": "owner/tiny", "sha": "a" * 40, "siblings": names}).encode())
            elif "/owner/tiny/resolve/" in path and name in files:
                self.answer(files[name])
            else:
                self.send_response(404)
                self.send_header("X-Error-Code", "RepoNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()

        do_HEAD = do_GET

        def answer(self, data: bytes) -> None:
            self.send_response(200)
            self.send_header("ETag", f'"{hashlib.sha1(data).hexdigest()}"')
            self.send_header("X-Repo-Commit", "a" * 40)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def ask(repo: str, endpoint: str, home: Path) -> str:
    """What a fresh process finds under a hub id; the hub's client reads its settings when it is imported."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_XET": "1",
        "NO_PROXY": "127.0.0.1",
    }
    result = subprocess.run(
        [sys.executable, "-c", LOAD, repo], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    return result.stdout.strip()


def test_a_model_is_fetched_without_pickles_and_code_and_is_there_without_a_network(hub: str, tmp_path: Path) -> None:
    expected = (
        "['chat_template.jinja', 'config.json', 'generation_config.json', 'model.safetensors', 'tokenizer.json', "
        "'tokenizer_config.json'] fetch True"
    )
    assert ask("owner/tiny", hub, tmp_path) == expected
    again = ask("owner/tiny", "http://127.0.0.1:9", tmp_path)
    assert again.startswith(expected.removesuffix(" fetch True"))


def test_an_unknown_model_and_an_unreachable_hub_are_sentences(hub: str, tmp_path: Path) -> None:
    assert ask("owner/other", hub, tmp_path).startswith("UserError The hub has no model owner/other, or it is private.")
    unreachable = ask("owner/other", "http://127.0.0.1:9", tmp_path)
    assert unreachable.startswith("EnvironmentProblem The model owner/other is not on this machine, and the")
