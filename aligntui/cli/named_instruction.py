"""Whether an instruction that was written out is the name of one in the library.

`aligntui chat --instruction` takes a text. A text that is a name, `concise` or `concise/2`, was meant as one: sent as it stands
it would ask for nothing, and a whole batch of answers would be worth nothing. Pinned in tests/cli/test_chat.py.
"""

from __future__ import annotations

import re

from aligntui.config.paths import Workspace
from aligntui.core.errors import UserError
from aligntui.data.instruction_library import load_library

_NAME_FORM = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*/[0-9]{1,4}", re.IGNORECASE)


def library_name(workspace: Workspace, text: str) -> str:
    """`TYPE/N` where a text is the name of an instruction, own ones included; empty where it is a text.

    Raises:
        UserError: it has the form TYPE/N, and the library has no such type or phrasing.
        EnvironmentProblem: the library cannot be read.
    """
    library = load_library(workspace)
    is_type = any(known.type == text.strip().lower() for known in library.types)
    if not is_type and not _NAME_FORM.fullmatch(text.strip()):
        return ""
    try:
        return library.get(text).label
    except UserError as error:
        raise UserError(
            f"--instruction {text.strip()} reads like a name of the library. {error.message}",
            f"{error.hint} To send it as a text, put a full stop behind it.",
        ) from error
