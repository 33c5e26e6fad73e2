"""The instruction library as the console uses it."""

from __future__ import annotations

from aligntui.core.errors import UserError
from aligntui.core.instruction import Instruction
from aligntui.data.instruction_library import add_own, load_library
from aligntui.workbench.opening import Workbench


def save_own(bench: Workbench, title: str, text: str) -> Instruction:
    """Save a text as an own instruction and read the library again.

    Raises:
        UserError: name or text is empty.
        EnvironmentProblem: it could not be written.
    """
    if not title.strip():
        raise UserError("An instruction needs a name.", "Type one and press Enter.")
    saved = add_own(bench.workspace, title, text)
    bench.library = load_library(bench.workspace)
    return saved
