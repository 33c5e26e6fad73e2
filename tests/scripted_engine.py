"""A real process that speaks the real protocol without weights, for fast tests of everything above the engine.

    python tests/scripted_engine.py [--script FILE.json]

What it writes follows from side, instruction, last prompt, seed and temperature, so the same request gives the same answer.
Prompts with these words are special: `!crash` (SIGKILL to itself in mid-answer), `!fail` (RequestFailed in
mid-answer), `!slow`, `!hostile` (terminal escapes, markup, bidi, zalgo), `!cjk`, `!empty`, `!long` (3000 words,
whatever the limit). The vector of a text is made of its words, so texts with words in common are near each other; embedding
models whose name contains `missing` cannot be had. Adapters whose name contains `foreign` get warnings, those with `broken` are refused; models
whose name contains `missing` are refused. The script file may set every field of `Script`.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import math
import os
import platform
import queue
import re
import signal
import struct
import subprocess
import sys
import threading
import time
import zlib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from aligntui.core.conditions import Conditions  # noqa: E402  the repository must be on the path first
from aligntui.core.errors import AligntuiError, EnvironmentProblem, UserError, kind_of  # noqa: E402
from aligntui.core.ids import sha256_text  # noqa: E402
from aligntui.core.prompt_format import Message, Mode, place_instruction  # noqa: E402
from aligntui.wire import codec, engine  # noqa: E402

VERSIONS = {"python": platform.python_version(), "scripted": "1"}
END = 2
"""Token that ends an answer; it has no text."""
DIM = 64
"""Numbers of a text's vector, one for each byte of a word's hash."""
MAX_TOKENS = 256
"""Words of a text that are read for its vector."""
CRASH_AFTER_WORDS = 5
LONG_WORDS = 3000


@dataclass
class Script:
    """How this engine behaves; every field can be set in the script file."""

    delay_s: float = 0.004
    """Between two words of all rows."""
    slow_delay_s: float = 0.15
    """The same for `!slow`."""
    hold: str = ""
    """While this file exists, rows wait after the words that they have."""
    load_s: float = 0.03
    """Duration of a load, spread over its progress events."""
    protocol: int = engine.PROTOCOL_VERSION
    versions: dict[str, str] = field(default_factory=lambda: dict(VERSIONS))
    silent: bool = False
    """Never says a word."""
    noise: list[str] = field(default_factory=list)
    """Lines that are no messages, written before the first event."""
    log: list[str] = field(default_factory=list)
    """Lines for standard error."""
    exit_at_start: int | None = None
    """Leave with this code instead of starting."""
    missing_library: bool = False
    """Say that a library is missing instead of starting."""
    deaf: bool = False
    """Hear neither cancel, nor stop, nor the end of the input, nor SIGTERM."""
    child: bool = False
    """Start a process that keeps the pipe open."""
    model: dict[str, Any] = field(default_factory=dict)
    """Fields of `ModelLoaded` to change."""
    load_failure: dict[str, str] = field(default_factory=dict)
    """Fields of a `RequestFailed` that answers every load."""
    warnings: list[str] = field(default_factory=list)
    """Warnings of `ModelLoaded`."""
    answers: list[dict[str, str]] = field(default_factory=list)
    """Own answers: `{"match": part of the prompt, "side": "base" or an adapter (or empty: any), "text": ...}`."""

    @classmethod
    def read(cls, path: Path | None) -> Script:
        values = json.loads(path.read_text("utf-8")) if path else {}
        unknown = set(values) - {f.name for f in fields(cls)}
        if unknown:
            raise SystemExit(f"unknown script fields: {', '.join(sorted(unknown))}")
        return cls(**values)


# the tokenizer: common words are one token, everything else one token a character ------------------

_COMMON = """
the and a to of in is it you that for on with as are this be at or have from by not but what all were when we
there can an your which their said if do will each about how up out them then she many some so these would other
into has more her two like him see time could no make than first been its who now people my made over did down
only way find use may water long little very after words called just where most know get through back much
before go good new write our used me man too any day same right look think also around another came come work
three word must because does part even place well such here take why things help put years different away again
off went old number great tell men say small every found still between name should home big give air line set
own under read last never us left end along while might next sound below saw something thought both few those
always looked show large often together asked house world going want school important until form food keep
children feet land side without boy once animals life enough took sometimes four head above kind began almost
live page got earth need far hand high year mother light parts country father let night following picture being
study second eyes soon times story boys since white days ever paper hard near sentence better best across during
today others however sure means knew try told young miles sun ways thing whole hear example heard several change
answer room sea against top turned learn point city play toward five using himself usually
"""
WORDS = _COMMON.split()
_SPECIAL = ("Base", "answers", "Adapter", "without", "any", "instruction", "under", "the", "seed")
_VOCABULARY = list(dict.fromkeys(piece for word in (*WORDS, *_SPECIAL) for piece in (word, " " + word)))
_IDS = {piece: 10 + number for number, piece in enumerate(_VOCABULARY)}
_CHARACTERS = 1_000_000
"""Id of a character is this plus its code point."""
_PIECE = re.compile(r" ?[A-Za-z]+|.", re.DOTALL)


def tokenise(text: str) -> list[int]:
    ids: list[int] = []
    for piece in _PIECE.findall(text):
        ids += [_IDS[piece]] if piece in _IDS else [_CHARACTERS + ord(character) for character in piece]
    return ids


def detokenise(ids: list[int]) -> str:
    return "".join(text_of(token) for token in ids)


def text_of(token: int) -> str:
    if token >= _CHARACTERS:
        return chr(token - _CHARACTERS)
    return _VOCABULARY[token - 10] if 10 <= token < 10 + len(_VOCABULARY) else ""


def logprob(token: int, place: int, side: str) -> float:
    return -(zlib.crc32(f"{side}|{token}|{place}".encode()) % 400) / 100


# the vectors of texts -----------------------------------------------------------------------------


def words_of(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def vector_of(text: str) -> list[float]:
    """Sum of one fixed direction for every word, at length 1; a text without words has a direction of its own."""
    total = [0.0] * DIM
    for word in words_of(text)[:MAX_TOKENS] or [""]:
        for place, byte in enumerate(hashlib.sha512(word.encode("utf-8", "replace")).digest()):
            total[place] += byte - 127.5
    length = math.hypot(*total)
    return [value / length for value in total]


# what it writes -----------------------------------------------------------------------------------

HOSTILE = (
    "\x1b[2J\x1b[31mred\x1b]52;c;aGFjaw==\x07 [bold red]markup[/] [link=http://x]y[/link] \x9b6n \u202egnp.exe\u202c "
    "z\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308\u0309algo \x00\x08\x7f \r\nnext\rline \ud800 \ufeff ```py\n[/]```"
)
CJK = "日本語の答えです。한국어 대답입니다. 中文回答。👩‍👩‍👧‍👦 🇯🇵 👍🏽 é e\u0301 ｆｕｌｌ width 🙂 終わり。"


def side_of(row: engine.Row) -> str:
    """An adapter at strength 0 is the base."""
    return row.adapter.name if row.adapter and row.strength else "base"


def answer_text(script: Script, row: engine.Row) -> str:
    prompt, side = row.history[-1][1], side_of(row)
    for answer in script.answers:
        if answer.get("match", "") in prompt and answer.get("side", "") in ("", side):
            return answer["text"]
    if "!empty" in prompt:
        return ""
    if "!hostile" in prompt:
        return HOSTILE
    if "!cjk" in prompt:
        return CJK
    instruction = "" if row.mode == "none" else row.instruction
    head = f"under the instruction “{' '.join(instruction.split()[:4])}”" if instruction else "without any instruction"
    name = "Base" if side == "base" else f"Adapter {side}"
    count = LONG_WORDS if "!long" in prompt else 90 if "!slow" in prompt else 24
    draw = f"{instruction}|{prompt}|{row.seed if row.temperature else 'greedy'}|{len(row.history)}"
    if row.prefix_token_ids or row.prefix_text:
        head, name = "", ""
        draw += f"|{len(row.prefix_token_ids)}|{len(row.prefix_text)}"
    words = [_drawn(draw, place, side, row.strength) for place in range(count)]
    return f"{name} answers {head}: {' '.join(words)}." if name else f" {' '.join(words)}."


def _drawn(draw: str, place: int, side: str, strength: float) -> str:
    shared = zlib.crc32(f"{draw}|{place}".encode())
    own = zlib.crc32(f"{draw}|{place}|{side}".encode())
    differs = side != "base" and own % 100 < 40 * strength
    return WORDS[(own if differs else shared) % len(WORDS)]


@dataclass
class Stream:
    """One row while it is written."""

    row: engine.Row
    conditions: Conditions
    prompt_tokens: int
    ids: list[int]
    text: str
    pending: list[list[int]]
    """Words that are still to come, as tokens."""
    limit: int
    new: int = 0
    first_at: float = 0.0
    last_at: float = 0.0

    def step(self, now: float) -> str | None:
        """Write the next word; None when the row has ended."""
        word = self.pending.pop(0)[: self.limit - self.new]
        self.first_at, self.last_at = self.first_at or now, now
        self.ids += word
        self.new += len(word)
        text = detokenise(word)
        self.text += text
        return text

    @property
    def finish(self) -> str:
        """Why it has ended; empty while it goes on."""
        if self.new >= self.limit:
            return "length"
        return "" if self.pending else "stop"


class ScriptedEngine:
    """Answers requests one after the other; cancelling is heard out of turn."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._queue: queue.Queue[Any] = queue.Queue()
        self._cancelled: set[str] = set()
        self._model: engine.ModelLoaded | None = None

    def run(self) -> None:
        script = self._script
        for line in script.log:
            print(line, file=sys.stderr, flush=True)
        if script.exit_at_start is not None:
            os._exit(script.exit_at_start)
        if script.deaf:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if script.child:
            subprocess.Popen(["sleep", "600"])
        for line in script.noise:
            sys.stdout.buffer.write(line.encode() + b"\n")
        if script.silent:
            threading.Event().wait()
        if script.missing_library:
            self.send(
                engine.RequestFailed("", "environment", "The engine cannot start: no module torch.", "Install it.")
            )
            os._exit(3)
        self.send(engine.EngineStarted(script.protocol, os.getpid(), script.versions))
        threading.Thread(target=self._read, daemon=True).start()
        while True:
            request = self._queue.get()
            try:
                self._handle(request)
            except AligntuiError as error:
                self.send(engine.RequestFailed(request.request, kind_of(error), error.message, error.hint))

    def send(self, event: Any) -> None:
        try:
            sys.stdout.buffer.write(codec.encode(event))
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            os._exit(0)

    def _read(self) -> None:
        while True:
            line = sys.stdin.buffer.readline()
            if self._script.deaf:
                if not line:
                    threading.Event().wait()
                message = codec.decode(line)
                if not isinstance(message, engine.CancelGeneration | engine.StopEngine):
                    self._queue.put(message)
                continue
            if not line:
                os._exit(0)
            try:
                message = codec.decode(line)
            except codec.BadMessage as error:
                self.send(engine.RequestFailed("", "engine", error.message))
                continue
            if isinstance(message, engine.StopEngine):
                os._exit(0)
            if isinstance(message, engine.CancelGeneration):
                self._cancelled.add(message.target)
            else:
                self._queue.put(message)

    def _handle(self, request: Any) -> None:
        match request:
            case engine.LoadModel():
                self._load(request)
            case engine.InspectAdapter():
                self._inspect(request)
            case engine.StartGeneration():
                self._generate(request)
            case engine.MeasureGap():
                self._measure(request)
            case engine.EmbedTexts():
                self._embed(request)

    # loading ------------------------------------------------------------------------------------

    def _load(self, request: engine.LoadModel) -> None:
        self._model = None
        if "missing" in request.model:
            raise UserError(f"There is no model {request.model!r}.", "Name a folder or a hub id.")
        stages = (("fetch", "bytes"), ("convert", "tensors"), ("hash", "bytes"), ("load", "tensors"), ("warm-up", ""))
        for stage, unit in stages:
            total = 0 if stage == "warm-up" else 100
            for done in (0, total // 2, total) if total else (0,):
                self.send(engine.LoadProgressed(request.request, stage, done, total, unit))
                time.sleep(self._script.load_s / 13)
            if stage == "convert" and self._script.load_failure:
                failure = {"error": "environment", "message": "Loading failed.", **self._script.load_failure}
                self.send(engine.RequestFailed(request.request, **failure))
                return
        values = {
            "model": request.model,
            "model_path": f"/models/{request.model}",
            "weights_sha256": sha256_text(f"weights of {request.model}"),
            "template_sha256": sha256_text("chatml"),
            "template": "own",
            "system_slot": True,
            "dtype": "bfloat16" if request.dtype == "auto" else request.dtype,
            "quantisation": request.quantisation,
            "device": "cpu" if request.device == "auto" else request.device,
            "context_length": 8192,
            "parameters": 134_515_008,
            "architecture": "LlamaForCausalLM",
            "engine": "scripted/1 mixed-batch",
            "versions": self._script.versions,
            "warnings": tuple(self._script.warnings),
            "load_s": self._script.load_s,
        }
        self._model = engine.ModelLoaded(request.request, **{**values, **self._script.model})
        self.send(self._model)

    def _loaded(self) -> engine.ModelLoaded:
        if self._model is None:
            raise UserError("No model is loaded yet.", "Load one first.")
        return self._model

    def _adapter_sha256(self, adapter: engine.AdapterRef | None) -> str | None:
        if adapter is None:
            return None
        if "broken" in adapter.name:
            raise UserError(
                f"The adapter in {adapter.path} is damaged: its weights are cut off.", "Copy or train it again."
            )
        return sha256_text(f"adapter {adapter.name} {adapter.path}")

    def _inspect(self, request: engine.InspectAdapter) -> None:
        model, adapter = self._loaded(), request.adapter
        foreign = "foreign" in adapter.name
        self.send(
            engine.AdapterLoaded(
                request=request.request,
                name=adapter.name,
                path=adapter.path,
                sha256=self._adapter_sha256(adapter) or "",
                rank=8,
                alpha=16.0,
                target_modules=("q_proj", "v_proj"),
                parameters=460_800,
                base_model="somebody/another-base" if foreign else model.model,
                warnings=(
                    "It says that it was trained on somebody/another-base; the base is another one.",
                    "It was trained in the ITA format; the mode is another one.",
                )
                if foreign
                else (),
            )
        )

    # generating ---------------------------------------------------------------------------------

    def _held(self) -> bool:
        return bool(self._script.hold) and Path(self._script.hold).exists()

    def _generate(self, request: engine.StartGeneration) -> None:
        model, asked_at = self._loaded(), time.perf_counter()
        if not request.rows:
            raise UserError("A generation needs at least one row.")
        if request.at_once < 0:
            raise UserError(f"at_once must be 0 or more, not {request.at_once}.")
        streams = [self._prepare(row, model) for row in request.rows]
        waiting, live = list(streams), []
        prompts = " ".join(row.history[-1][1] for row in request.rows)
        delay_s = self._script.slow_delay_s if "!slow" in prompts else self._script.delay_s
        words, first_at, last_at = 0, 0.0, 0.0
        while live or waiting:
            while waiting and len(live) < (request.at_once or len(streams)):
                live.append(waiting.pop(0))
                self._begin(request, live[-1])
            time.sleep(0 if "!long" in prompts and words % 20 else delay_s)
            while words > 1 and self._held() and request.request not in self._cancelled:
                time.sleep(0.01)
            if request.request in self._cancelled:
                for stream in live:
                    self._finish(request.request, stream, "cancelled", asked_at)
                break
            now = time.perf_counter()
            first_at, last_at = first_at or now, now
            for stream in tuple(live):
                text = stream.step(now) if stream.pending else ""
                if text and request.stream:
                    self.send(
                        engine.TextArrived(
                            request.request, stream.row.row, text, len(stream.ids), now - stream.first_at
                        )
                    )
                if stream.finish:
                    self._finish(request.request, stream, stream.finish, asked_at)
                    live.remove(stream)
            words += 1
            if words == CRASH_AFTER_WORDS and "!crash" in prompts:
                os.kill(os.getpid(), signal.SIGKILL)
            if words == CRASH_AFTER_WORDS and "!fail" in prompts:
                left = f" {len(waiting)} of {len(streams)} rows were not begun." if waiting else ""
                self.send(
                    engine.RequestFailed(
                        request.request, "environment", f"The machine ran out of memory while decoding.{left}",
                        "Use a shorter prompt or fewer columns.", "Traceback (scripted)",
                    )
                )  # fmt: skip
                return
        self._cancelled.discard(request.request)
        tokens = sum(stream.new for stream in streams)
        computed = tokens + sum(stream.prompt_tokens for stream in streams if stream not in waiting)
        prefill_s = (first_at or asked_at) - asked_at
        path = (
            f"mixed-batch, at most {request.at_once} rows, replaced as they end" if request.at_once else "mixed-batch"
        )
        self.send(engine.GenerationFinished(request.request, tokens, last_at - first_at, prefill_s, path, computed))

    def _begin(self, request: engine.StartGeneration, stream: Stream) -> None:
        row = stream.row.row
        self.send(engine.AnswerStarted(request.request, row, stream.conditions.as_dict(), stream.prompt_tokens))
        if stream.text and request.stream:
            # as the real engine does: what is there already comes first
            self.send(engine.TextArrived(request.request, row, stream.text, len(stream.ids)))

    def _prepare(self, row: engine.Row, model: engine.ModelLoaded) -> Stream:
        adapter_sha256 = self._adapter_sha256(row.adapter)
        messages = place_instruction(
            [Message(role, content) for role, content in row.history],
            row.instruction,
            Mode(row.mode),
            every=row.injection_every,
            system_slot=model.system_slot,
        )
        rendered = (
            "".join(f"<|im_start|>{m.role}\n{m.content}<|im_end|>\n" for m in messages) + "<|im_start|>assistant\n"
        )
        prompt_tokens = len(tokenise(rendered))
        if prompt_tokens >= model.context_length:
            raise UserError(
                f"The prompt has {prompt_tokens} tokens, and the model's context holds {model.context_length}.",
                "Shorten it, or start a new session.",
            )
        conditions = Conditions(
            model=model.model,
            model_path=model.model_path,
            weights_sha256=model.weights_sha256,
            adapter=row.adapter.name if row.adapter else None,
            adapter_path=row.adapter.path if row.adapter else None,
            adapter_sha256=adapter_sha256,
            strength=row.strength if row.adapter else 0.0,
            template_sha256=model.template_sha256,
            rendered_prompt=rendered,
            instruction=row.instruction,
            mode=row.mode,
            seed=row.seed,
            temperature=row.temperature,
            top_p=row.top_p,
            max_new_tokens=row.max_new_tokens,
            dtype=model.dtype,
            quantisation=model.quantisation,
            engine=model.engine,
            versions=dict(model.versions),
            injection_every=row.injection_every if row.mode == "injection" else None,
            device=model.device,
        )
        ids = [token for token in row.prefix_token_ids if token != END] or tokenise(row.prefix_text)
        words = re.findall(r"\s*\S+|\s+$", answer_text(self._script, row))
        limit = 10**9 if "!long" in row.history[-1][1] else row.max_new_tokens
        return Stream(row, conditions, prompt_tokens, ids, detokenise(ids), [tokenise(word) for word in words], limit)

    def _finish(self, request: str, stream: Stream, finish: str, asked_at: float) -> None:
        ids = [*stream.ids, END] if finish == "stop" else stream.ids
        side = side_of(stream.row)
        self.send(
            engine.AnswerFinished(
                request=request,
                row=stream.row.row,
                text=stream.text,
                token_ids=tuple(ids),
                logprobs=tuple(logprob(token, place, side) for place, token in enumerate(ids)),
                finish=finish,
                prompt_tokens=stream.prompt_tokens,
                decode_s=stream.last_at - stream.first_at,
                first_token_s=stream.first_at - asked_at if stream.first_at else 0.0,
            )
        )

    def _measure(self, request: engine.MeasureGap) -> None:
        self._loaded()
        if not request.token_ids:
            raise UserError("There are no tokens to measure.", "Generate an answer first.")
        side, tokens = side_of(request.row), list(enumerate(request.token_ids))
        base = tuple(logprob(token, place, "base") for place, token in tokens)
        adapter = tuple(logprob(token, place, side) for place, token in tokens)
        pieces = tuple(text_of(token) for token in request.token_ids)
        self.send(engine.GapMeasured(request.request, request.row.row, pieces, base, adapter))

    # embedding ----------------------------------------------------------------------------------

    def _embed(self, request: engine.EmbedTexts) -> None:
        if "missing" in request.model:
            raise EnvironmentProblem(
                f"The embedding model {request.model} could not be fetched with pip.", "Check the network."
            )
        vectors = [vector_of(text) for text in request.texts]
        self.send(
            engine.TextsEmbedded(
                request=request.request,
                dim=DIM,
                vectors=base64.b64encode(b"".join(struct.pack(f"<{DIM}f", *vector) for vector in vectors)).decode(),
                truncated=sum(len(words_of(text)) > MAX_TOKENS for text in request.texts),
                max_tokens=MAX_TOKENS,
                weights_sha256=sha256_text(f"weights of {request.model}"),
            )
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--script", type=Path)
    ScriptedEngine(Script.read(parser.parse_args().script)).run()
