"""Data sets of the hub, fetched with its own client from a server here that speaks its protocol."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from aligntui.core.errors import UserError
from aligntui.data.pair_import.hub import Address, _by_name, address
from aligntui.data.pair_import.source import SUFFIXES
from tests.data.rows import plain_row

ENDS = tuple(SUFFIXES)


@pytest.mark.parametrize(
    ("ref", "wanted"),
    [
        ("owner/name", Address("owner/name")),
        ("owner/name@v1.0", Address("owner/name", "v1.0")),
        ("hf://datasets/owner/name", Address("owner/name")),
        ("hf://datasets/owner/name@abc/data/a.jsonl", Address("owner/name", "abc", "data/a.jsonl")),
        ("hf://datasets/owner/name@refs%2Fpr%2F1", Address("owner/name", "refs/pr/1")),
        ("owner/name.jsonl", None),
        ("owner/name.jsonl.gz", None),
        ("pairs", None),
        ("/owner/name", None),
        ("a/b/c", None),
        ("../owner", None),
    ],
)
def test_addresses(ref: str, wanted: Address | None) -> None:
    assert address(ref, ENDS) == wanted
    if wanted and ref.startswith("hf://"):
        assert str(wanted) == ref


def test_what_exists_here_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert address("data/pairs", ENDS) is not None
    (tmp_path / "data").mkdir()
    assert address("data/pairs", ENDS) is None
    with pytest.raises(UserError, match="no address of a data set"):
        address("hf://models/owner/name", ENDS)


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"], {"default": {"train": 2}}),
        (["data/train_prefs-00000-of-00001.parquet", "test.jsonl"], {"default": {"train_prefs": 1, "test": 1}}),
        (["de/dev.jsonl", "en/validation/a.csv"], {"de": {"validation": 1}, "en": {"validation": 1}}),
        (["all.jsonl"], {"default": {"train": 1}}),
    ],
)
def test_splits_by_the_names_of_files(names: list[str], wanted: dict[str, dict[str, int]]) -> None:
    found = _by_name(names)
    assert {name: {split: len(files) for split, files in splits.items()} for name, splits in found.items()} == wanted


@dataclass
class Repo:
    """Files by revision; a revision is also the name of its commit."""

    revisions: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def commit(self, revision: str) -> str:
        return hashlib.sha1(revision.encode()).hexdigest()

    def files(self, revision: str) -> dict[str, bytes] | None:
        return next((files for name, files in self.revisions.items() if revision in (name, self.commit(name))), None)

    def commit_of(self, revision: str) -> str:
        return next(self.commit(name) for name in self.revisions if revision in (name, self.commit(name)))


class Hub(ThreadingHTTPServer):
    """The parts of the hub's protocol that its client uses for a data set."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), HubHandler)
        self.repos: dict[str, Repo] = {}
        self.gated: set[str] = set()
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class HubHandler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(self.path.partition("?")[0])
        self.server.asked.append(f"{self.command} {path}")
        parts = path.strip("/").split("/")
        if parts[:2] == ["api", "datasets"]:
            repo = "/".join(parts[2:4])
            self.info(repo, "/".join(parts[5:]) if parts[4:5] == ["revision"] else "main")
        elif parts[:1] == ["datasets"] and parts[3:4] == ["resolve"]:
            self.file("/".join(parts[1:3]), parts[4], "/".join(parts[5:]))
        else:
            self.answer(404, b"", {})

    def found(self, repo: str, revision: str) -> dict[str, bytes] | None:
        if repo in self.server.gated:
            self.answer(403, b"{}", {"X-Error-Code": "GatedRepo"})
        elif repo not in self.server.repos:
            self.answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})
        elif (files := self.server.repos[repo].files(revision)) is None:
            self.answer(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        else:
            return files
        return None

    def info(self, repo: str, revision: str) -> None:
        if (files := self.found(repo, revision)) is not None:
            commit = self.server.repos[repo].commit_of(revision)
            body = {"id": repo, "sha": commit, "siblings": [{"rfilename": name} for name in files], "private": False}
            self.answer(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def file(self, repo: str, revision: str, name: str) -> None:
        files = self.found(repo, revision)
        if files is None:
            return
        if name not in files:
            self.answer(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        headers = {
            "ETag": f'"{hashlib.sha256(files[name]).hexdigest()}"',
            "X-Repo-Commit": self.server.repos[repo].commit_of(revision),
        }
        self.answer(200, files[name], headers)

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@pytest.fixture
def hub() -> Iterator[Hub]:
    server = Hub()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


SCRIPT = """
import json, sys
from aligntui.core.errors import AligntuiError
from aligntui.data.pair_import import ImportReport, accept, make_plan, open_source, read
try:
    source = open_source(sys.argv[1], **json.loads(sys.argv[2]))
    found = list(accept(read(source, make_plan(source)), ImportReport(), skip_bad=False))
    answer = {
        "prompts": [one.prompt[0].content for one in found],
        "places": [str(one.place) for one in found],
        "revision": source.revision,
        "warnings": list(source.warnings),
        "heavy": sorted({"torch", "datasets", "transformers"} & set(sys.modules)),
    }
except AligntuiError as error:
    answer = {"error": type(error).__name__, "message": error.message, "hint": error.hint}
print(json.dumps(answer))
"""


def imported(hub: str, home: Path, ref: str, offline: bool = False, **options: str) -> dict[str, Any]:
    """What an import in a process of its own says: the client reads its settings when it is imported."""
    env = {key: value for key, value in os.environ.items() if "proxy" not in key.lower() and not key.startswith("HF_")}
    env |= {"HF_ENDPOINT": hub, "HF_HOME": str(home), "HF_HUB_OFFLINE": str(int(offline)), "HF_HUB_DISABLE_XET": "1"}
    command = [sys.executable, "-c", SCRIPT, ref, json.dumps(options)]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    assert "%|" not in done.stderr, "a progress bar would be drawn over the screen"
    return json.loads(done.stdout)


def lines(*prompts: str) -> bytes:
    return "".join(json.dumps(plain_row(prompt=prompt)) + "\n" for prompt in prompts).encode()


def parquet(*prompts: str) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    made = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([plain_row(prompt=prompt) for prompt in prompts]), made)
    return made.getvalue()


def test_the_parquet_that_the_hub_made_is_read(hub: Hub, tmp_path: Path) -> None:
    converted = {
        "default/train/0000.parquet": parquet("a", "b"),
        "default/train/0001.parquet": parquet("c"),
        "default/partial-test/0000.parquet": parquet("d"),
        ".gitattributes": b"",
    }
    repo = Repo({"refs/convert/parquet": converted, "main": {"README.md": b"", "own.jsonl": lines("own")}})
    hub.repos["owner/name"] = repo
    found = imported(hub.address, tmp_path, "owner/name")
    commit = repo.commit("refs/convert/parquet")
    assert found["prompts"] == ["a", "b", "c"]
    assert found["revision"] == commit
    assert found["places"][2] == f"hf://datasets/owner/name@{commit[:12]}/default/train/0001.parquet, row 1"
    assert found["heavy"] == []
    test = imported(hub.address, tmp_path, "owner/name", split="test")
    assert (test["prompts"], len(test["warnings"])) == (["d"], 1)
    assert imported(hub.address, tmp_path, "owner/name@main")["prompts"] == ["own"]
    wrong = imported(hub.address, tmp_path, "owner/name", split="tset")
    assert (wrong["error"], wrong["hint"]) == ("UserError", "Did you mean 'test'?")


def test_files_of_the_repository_where_nothing_is_converted(hub: Hub, tmp_path: Path) -> None:
    hub.repos["owner/name"] = Repo({"main": {"train.jsonl": lines("a"), "test.jsonl": lines("b"), "run.py": b"1/0"}})
    hub.repos["owner/name"].revisions["main"]["dataset_infos.json"] = b"{}"
    assert imported(hub.address, tmp_path, "owner/name")["prompts"] == ["a"]
    assert imported(hub.address, tmp_path, "owner/name", split="test")["prompts"] == ["b"]
    one_file = imported(hub.address, tmp_path, "hf://datasets/owner/name/test.jsonl")
    assert one_file["prompts"] == ["b"]
    assert one_file["revision"] == hub.repos["owner/name"].commit("main")
    hub.repos["owner/name"].revisions["main"]["train.csv"] = b"prompt,chosen,rejected\na,b,c\n"
    twice = imported(hub.address, tmp_path, "owner/name")
    assert "several formats: train.csv, train.jsonl" in twice["message"]
    assert not any("run.py" in path for path in hub.asked)


def test_several_configurations_are_named(hub: Hub, tmp_path: Path) -> None:
    files = {"de/train/0000.parquet": parquet("a"), "en/train/0000.parquet": parquet("b")}
    hub.repos["owner/name"] = Repo({"refs/convert/parquet": files})
    several = imported(hub.address, tmp_path, "owner/name")
    assert (several["error"], several["hint"]) == ("UserError", "Say which.")
    assert "de, en" in several["message"]
    assert imported(hub.address, tmp_path, "owner/name", config="en")["prompts"] == ["b"]


def test_what_the_hub_refuses(hub: Hub, tmp_path: Path) -> None:
    hub.repos["owner/name"] = Repo({"main": {"a.bin": b"x"}})
    hub.gated.add("owner/gated")
    wanted = {
        "owner/nothing": "no data set of this name",
        "owner/gated": "is gated",
        "owner/name": "no file that can be read",
        "owner/name@v9": "no revision 'v9'",
        "hf://datasets/owner/name/missing.jsonl": "no file 'missing.jsonl'",
        "owner/na--me": "no valid id",
    }
    for ref, words in wanted.items():
        answer = imported(hub.address, tmp_path, ref)
        assert answer["error"] == "UserError", ref
        assert words in answer["message"], ref


def test_without_a_network(hub: Hub, tmp_path: Path) -> None:
    hub.repos["owner/name"] = Repo({"main": {"a.jsonl": lines("a")}})
    here = "hf://datasets/owner/name/a.jsonl"
    for options in ({"offline": True}, {}):
        nowhere = hub.address if options else "http://127.0.0.1:9"
        for ref in ("owner/name", here):
            answer = imported(nowhere, tmp_path / "empty", ref, **options)
            assert answer["error"] == "EnvironmentProblem", ref
            assert "cannot be reached" in answer["message"]
            assert "import that" in answer["hint"]
    assert imported(hub.address, tmp_path / "home", here)["prompts"] == ["a"]
    assert imported(hub.address, tmp_path / "home", here, offline=True)["prompts"] == ["a"]
