"""Conditions for answers that no model wrote."""

from __future__ import annotations

from typing import Any

from aligntui.core.conditions import Conditions


def conditions(**values: Any) -> Conditions:
    return Conditions(
        **{
            "model": "embedded", "model_path": "/m", "weights_sha256": "0" * 64, "adapter": None, "adapter_path": None,
            "adapter_sha256": None, "strength": 0.0, "template_sha256": "1" * 64, "rendered_prompt": "p", "instruction": "",
            "mode": "system", "seed": 0, "temperature": 0.0, "top_p": 1.0, "max_new_tokens": 8, "dtype": "float32",
            "quantisation": None, "engine": "none", "versions": {}, **values,
        }
    )  # fmt: skip
