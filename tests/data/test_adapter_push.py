"""What is sent to the hub, with the hub's own client and a server here that speaks its protocol."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from huggingface_hub import close_session

from aligntui.core.errors import EnvironmentProblem, UserError
from aligntui.data.adapter_push import plan_push, push


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    folder = tmp_path / "nice"
    (folder / "run" / "checkpoints").mkdir(parents=True)
    for name in ("adapter_config.json", "adapter_model.safetensors", "README.md", "training_args.bin", ".draft.json"):
        (folder / name).write_text(f"{name} as it is")
    (folder / "run" / "config.yaml").write_text("seed: 1")
    (folder / "run" / "console.log").write_text("secret")
    return folder


class Hub(ThreadingHTTPServer):
    """The parts of the hub's protocol that an upload of small files uses."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.created: list[dict] = []
        self.files: dict[str, bytes] = {}
        self.token = "hf_right"


class Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Authorization") != f"Bearer {self.server.token}":
            return self._answer(403, {"error": "no"})
        if self.path == "/api/repos/create":
            self.server.created.append(json.loads(body))
            return self._answer(200, {"url": f"{self._home}/me/nice"})
        if self.path.endswith("/preupload/main"):
            files = [
                {"path": one["path"], "uploadMode": "regular", "shouldIgnore": False}
                for one in json.loads(body)["files"]
            ]
            return self._answer(200, {"files": files})
        if self.path == "/api/validate-yaml":
            return self._answer(200, {"errors": [], "warnings": []})
        if not self.path.endswith("/commit/main"):
            return self._answer(404, {"error": self.path})
        for line in body.splitlines():
            item = json.loads(line)
            if item["key"] == "file":
                self.server.files[item["value"]["path"]] = base64.b64decode(item["value"]["content"])
        return self._answer(200, {"commitUrl": f"{self._home}/me/nice/commit/abc", "commitOid": "abc", "success": True})

    def do_GET(self) -> None:
        self._answer(404, {"error": "Repository not found"})

    @property
    def _home(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def _answer(self, status: int, value: object) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    server = Hub()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("HF_TOKEN", server.token)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    yield server
    close_session()  # the client keeps connections open, and the next server may get the same port
    server.shutdown()
    server.server_close()


def test_weights_card_and_configuration_are_sent_and_nothing_else(adapter: Path, hub: Hub) -> None:
    plan = plan_push(adapter, "me/nice")
    assert hub.files == {}, "a plan sends nothing"
    assert push(plan).endswith("/commit/abc")
    assert set(hub.files) == {"adapter_config.json", "adapter_model.safetensors", "README.md"}
    assert hub.files["README.md"] == b"README.md as it is" and plan.size_bytes == sum(map(len, hub.files.values()))
    assert hub.created[0]["visibility"] == "private"


def test_the_story_of_the_training_goes_along_when_asked_for(adapter: Path, hub: Hub) -> None:
    push(plan_push(adapter, "me/nice", private=False, with_run=True))
    assert "run/config.yaml" in hub.files and "run/console.log" not in hub.files
    assert hub.created[0]["visibility"] == "public"


def test_without_the_right_to_write_it_says_whose_fault_it_is(
    adapter: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.token = "another"
    with pytest.raises(UserError, match=r"lets you not write to me/nice \(HTTP 403\)"):
        push(plan_push(adapter, "me/nice"))
    assert hub.files == {}


def test_a_hub_that_is_away(adapter: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(EnvironmentProblem, match="hub"):
        push(plan_push(adapter, "me/nice"))


@pytest.mark.parametrize("repo", ["nice", "me/", "me/nice/more", "../nice", "me/ni ce", ""])
def test_names_that_are_no_repository(adapter: Path, repo: str) -> None:
    with pytest.raises(UserError, match="no repository of the hub"):
        plan_push(adapter, repo)


def test_a_folder_without_weights(tmp_path: Path) -> None:
    (tmp_path / "adapter_model.bin").write_text("pickle")
    with pytest.raises(UserError, match="no weights in safetensors"):
        plan_push(tmp_path, "me/nice")
