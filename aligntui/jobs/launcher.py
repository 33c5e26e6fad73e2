"""The words that `accelerate launch` needs, so that as many processes start as were asked for.

Without a flag that names the kind of machine, accelerate 1.15 starts one process where there is no GPU, whatever
`--num_processes` says, and with `--cpu` always; `--multi_gpu` starts all of them on a CPU, too, where they meet over gloo.
Pinned in tests/jobs/test_starting.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from aligntui.core.errors import UserError

_KINDS = {
    "--multi_gpu",
    "--config_file",
    "--use_fsdp",
    "--use_deepspeed",
    "--use_megatron_lm",
    "--tpu",
    "--mpirun_hostfile",
}
_CPU = {"--cpu", "--use_cpu"}


def asked_processes(words: Sequence[str]) -> int:
    """How many processes the words ask for; 0 where they leave it to accelerate or to its configuration file."""
    for number, word in enumerate(words):
        name, equals, value = _dashed(word).partition("=")
        if name == "--num_processes":
            value = value if equals else words[number + 1] if number + 1 < len(words) else ""
            return int(value) if value.isdigit() else 0
    return 0


def launcher_words(words: Sequence[str]) -> list[str]:
    """The words, with the flag that makes accelerate start several processes where they ask for several.

    Raises:
        UserError: several processes and `--cpu`, with which accelerate starts one.
    """
    names = {_dashed(word).partition("=")[0] for word in words}
    if asked_processes(words) < 2 or names & _KINDS:
        return list(words)
    if names & _CPU:
        raise UserError(
            "With --cpu accelerate starts one process, whatever --num_processes says.",
            "Leave --cpu out: --set device=cpu says where the run computes.",
        )
    return ["--multi_gpu", *words]


def _dashed(word: str) -> str:
    """Accelerate takes `--num-processes` for `--num_processes`."""
    return "--" + word[2:].replace("-", "_") if word.startswith("--") else word
