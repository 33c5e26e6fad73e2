"""The token counter of the base that the options name, where its tokenizer is on this machine."""

from __future__ import annotations

from pathlib import Path

from aligntui.config.paths import embedded_model
from aligntui.data.token_count import TokenCounter, read_token_counter


def counter_for(model: str) -> TokenCounter | None:
    """The counter of `embedded`, a local folder or a hub id that was fetched before; None where there is none.

    Nothing is fetched: a count is worth having, and not worth a download.

    Raises:
        UserError: a tokenizer is there and cannot be read.
    """
    if model == "embedded":
        folder = embedded_model()
    elif Path(model).expanduser().is_dir():
        folder = Path(model).expanduser()
    else:
        folder = _snapshot(model)
    return None if folder is None else read_token_counter(folder, model)


def _snapshot(model: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(model, "tokenizer.json")
    except HFValidationError:  # neither a folder nor an id: whoever loads it says so
        return None
    return Path(found).parent if isinstance(found, str) else None
