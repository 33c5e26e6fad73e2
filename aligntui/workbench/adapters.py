"""Adapters as a user picks them: of the workspace, bundled, and their checkpoints."""

from __future__ import annotations

from dataclasses import dataclass

from aligntui.config.paths import Workspace
from aligntui.core.errors import AligntuiError
from aligntui.data.adapter_folders import AdapterFolder, find_adapter, list_adapters
from aligntui.wire.engine import AdapterRef
from aligntui.workbench.chat_state import Column


@dataclass(frozen=True)
class AdapterChoice:
    """One line of a picker."""

    name: str
    path: str
    detail: str
    checkpoint: bool = False
    problem: str = ""
    """Why it cannot be used; empty when it can."""
    mode: str = ""
    """Instruction mode that it was trained with, where known."""

    def column(self, strength: float) -> Column:
        """A column with this adapter."""
        return Column(AdapterRef(self.name, self.path), strength, trained_mode=self.mode)


def choices(workspace: Workspace) -> list[AdapterChoice]:
    """Every adapter with its checkpoints, in the order of a picker."""
    found: list[AdapterChoice] = []
    for folder in list_adapters(workspace):
        found.append(
            AdapterChoice(folder.name, str(folder.path), _detail(folder), problem=folder.problem, mode=folder.mode)
        )
        for step in folder.checkpoints:
            path = folder.checkpoint_path(step)
            found.append(
                AdapterChoice(
                    f"{folder.name}@{step}", str(path), f"checkpoint at step {step}", checkpoint=True, mode=folder.mode
                )
            )
    return found


def _detail(folder: AdapterFolder) -> str:
    modules = ",".join(folder.module_names)
    size = f"{folder.size_bytes / 1e6:.1f} MB" if folder.size_bytes else ""
    card = f" · {folder.card}" if folder.card else ""
    return f"r {folder.rank} · {modules} · {size}{card}"


def resolve(workspace: Workspace, refs: tuple[str, ...]) -> tuple[list[Column], dict[str, AligntuiError]]:
    """Find adapters by name: a column for each one found, and by name what went wrong with the others."""
    columns: list[Column] = []
    problems: dict[str, AligntuiError] = {}
    for ref in refs:
        try:
            folder = find_adapter(workspace, ref)
        except AligntuiError as error:
            problems[ref] = error
            continue
        columns.append(Column(AdapterRef(folder.name, str(folder.path)), trained_mode=folder.mode))
    return columns, problems
