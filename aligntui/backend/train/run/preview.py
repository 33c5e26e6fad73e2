"""The first batch as it is fed, without training and without weights: tokenizer only.

Pinned in tests/backend/test_run_preview.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from transformers import AutoConfig, AutoTokenizer

from aligntui.backend.infer.weights import find_context_length, find_folder
from aligntui.backend.train.run.encoding import Encoded, Encoder
from aligntui.backend.train.run.folder import RunFolder
from aligntui.backend.train.run.records import read_records
from aligntui.backend.train.run.trainer import EpochOrder
from aligntui.config.training import Method, load_config
from aligntui.core.errors import UserError


def preview(folder: RunFolder) -> Iterator[str]:
    """JSON lines: `batch` with the counts, then a `sequence` for each prompt with each of its answers.

    The records are those of the first step on one process, in the order in which training takes them.

    Raises:
        UserError: what a run would refuse of the configuration, the data or the tokenizer.
        EnvironmentProblem: the tokenizer could not be fetched.
    """
    config = load_config(folder.config)
    first = config.staged()[0]
    records = read_records(folder.train_data, needs_rejected=config.needs_rejected, method=first.method.value)
    where = find_folder(config.base.model, trust_remote_code=config.base.trust_remote_code)
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            where, local_files_only=True, trust_remote_code=config.base.trust_remote_code
        )
        context = find_context_length(AutoConfig.from_pretrained(where, local_files_only=True).get_text_config())
    except (OSError, ValueError) as error:
        raise UserError(f"The tokenizer in {where} cannot be loaded: {error}.", "Name another model.") from error
    encoder = Encoder(tokenizer, first.format, injection_every=first.injection_every, length=first.steps.length)
    rejected = first.method.needs_rejected and first.method is not Method.CONTRASTIVE_ITA
    data = encoder.encode_all(records, rejected=rejected, context=context)
    order = list(EpochOrder(len(data.items), first.seed))[: first.pairs_per_step]
    batch = [data.items[number] for number in order]
    yield _line(
        kind="batch",
        method=first.method.value,
        format=first.format.value,
        template_sha256=encoder.template.sha256,
        records=len(data.items),
        in_batch=len(batch),
        truncated=data.truncated,
        dropped=len(data.dropped),
        dropped_ids=data.dropped[:20],
        tokens=data.tokens,
        trained_tokens=data.trained_tokens,
        longest=data.longest,
        length=first.steps.length,
        context=context,
    )
    for item in batch:
        yield from _sequences(item, tokenizer)


def _sequences(item: Encoded, tokenizer: Any) -> Iterator[str]:
    sides: list[tuple[str, Sequence[int]]] = [("chosen", item.pair.chosen)]
    if item.pair.rejected is not None:
        sides.append(("rejected", item.pair.rejected))
    for side, answer in sides:
        ids = [*item.pair.prompt, *answer]
        yield _line(
            kind="sequence",
            id=item.record.id,
            side=side,
            rendered=item.rendered,
            token_ids=ids,
            tokens=[tokenizer.decode([token]) for token in ids],
            trained=[False] * len(item.pair.prompt) + [True] * len(answer),
            truncated=item.truncated,
        )


def _line(**values: Any) -> str:
    return json.dumps(values, ensure_ascii=False)
