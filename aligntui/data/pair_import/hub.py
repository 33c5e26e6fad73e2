"""Data sets of the Hugging Face hub as plain files, without the library that would run or convert them.

Most public data sets exist twice there: as their owner put them up, in any shape, and as Parquet that the hub made of
them on the branch `refs/convert/parquet`, laid out as `configuration/split/number.parquet`. The second is taken where
it is there and no revision is asked for; otherwise the files of the repository itself are, told apart by their names.
Every file is fetched at one commit into the hub's own cache. Nothing of a data set is ever run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, unquote

from aligntui.core.errors import AligntuiError, EnvironmentProblem, UserError, nearest

CONVERTED = "refs/convert/parquet"
"""Branch on which the hub keeps its Parquet of a data set."""
PARTIAL = "partial-"
"""Before the name of a split of which the hub converted only the beginning (5 GB)."""
SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "eval": "test",
    "evaluation": "test",
}
"""Words in file and folder names that say which split a file is; as in the `datasets` library."""
_ID = r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*"
_BARE = re.compile(rf"({_ID})(?:@([^/\s]+))?")
_LONG = re.compile(rf"hf://datasets/({_ID})(?:@([^/\s]+))?(?:/(.+))?")
_ABOUT = re.compile(r"(^|/)(\.[^/]*|dataset_infos?\.json|dataset_dict\.json|state\.json)$")
"""Files that describe a data set and hold nothing of it."""
_SHARD = re.compile(r"(.+?)-\d{3,}-of-\d{3,}")


@dataclass(frozen=True, slots=True)
class Address:
    """A data set of the hub, or one file of it."""

    repo: str
    revision: str | None = None
    path: str | None = None

    def __str__(self) -> str:
        at = f"@{quote(self.revision, safe='')}" if self.revision else ""
        return f"hf://datasets/{self.repo}{at}" + (f"/{self.path}" if self.path else "")


@dataclass(frozen=True, slots=True)
class Fetched:
    """Files of a data set, here now."""

    files: tuple[tuple[Path, str], ...]
    """Each file in the cache, and its address with the commit."""
    commit: str
    warnings: tuple[str, ...] = ()


def address(ref: str, suffixes: tuple[str, ...]) -> Address | None:
    """What of the hub `ref` names; None where it is, or was meant as, a file here.

    Args:
        ref: what the user wrote.
        suffixes: ends of the names of data files: `data/pairs.jsonl` is a file that is missing, not a data set.

    Raises:
        UserError: it begins like an address of the hub and is none.
    """
    if ref.startswith("hf://"):
        found = _LONG.fullmatch(ref)
        if not found:
            raise UserError(
                f"{ref!r} is no address of a data set.", "Write hf://datasets/owner/name[@revision][/path/of/a/file]."
            )
        repo, revision, path = found.groups()
        return Address(repo, unquote(revision) if revision else None, path)
    found = _BARE.fullmatch(ref)
    if not found or ref.lower().removesuffix(".gz").endswith(suffixes):
        return None
    here = Path(ref)
    return None if here.exists() or here.parent.is_dir() else Address(found[1], found[2])


def fetch(
    wanted: Address, suffixes: tuple[str, ...], *, config: str | None = None, split: str | None = None
) -> Fetched:
    """Fetch the files of one split of one configuration; files that the cache has are not fetched again.

    Args:
        wanted: the data set, or one file of it.
        suffixes: ends of the names of data files.
        config: configuration; None takes the only one, or `default`.
        split: split; None takes the only one, or `train`.

    Raises:
        UserError: no such data set, revision, file, configuration or split, or its owner grants no access.
        EnvironmentProblem: the hub cannot be reached, or there is no room.
    """
    # imported here: files never need the hub, and its client costs a fifth of a second
    from huggingface_hub import HfApi

    api = HfApi()
    if wanted.path:
        if config or split:
            raise UserError(f"{wanted} names one file, which has no configuration and no split.", "Leave them out.")
        return _one_file(api, wanted, wanted.path)
    with _faults(wanted):
        commit, names = _listing(api, wanted)
    if wanted.revision is None and commit and (found := _converted(names)):
        return _one_split(api, wanted, commit, found, config, split)
    data = [name for name in names if name.lower().removesuffix(".gz").endswith(suffixes) and not _ABOUT.search(name)]
    found = _by_name(data)
    if not found:
        raise UserError(f"The data set {wanted.repo} has no file that can be read.", f"It has {_some(names)}.")
    return _one_split(api, wanted, commit, found, config, split)


def _one_file(api: Any, wanted: Address, path: str) -> Fetched:
    try:
        # asked first, because this question fails at once without a network and a download tries for half a minute
        with _faults(wanted):
            api.dataset_info(wanted.repo, revision=wanted.revision)
        reachable = True
    except EnvironmentProblem:
        reachable = False
    # by the name of the branch, under which the cache finds it again without a network
    return _fetched(api, wanted, wanted.revision or "main", [path], (), cached_only=not reachable)


_Splits = dict[str, dict[str, list[str]]]
"""Configuration to split to files."""


def _listing(api: Any, wanted: Address) -> tuple[str, list[str]]:
    from huggingface_hub.errors import RevisionNotFoundError

    if wanted.revision is None:
        try:
            info = api.dataset_info(wanted.repo, revision=CONVERTED)
            names = [one.rfilename for one in info.siblings or ()]
            if _converted(names):
                return info.sha, names
        except RevisionNotFoundError:  # not converted: private, too new, or of a kind that the hub does not convert
            pass
    info = api.dataset_info(wanted.repo, revision=wanted.revision)
    return info.sha, [one.rfilename for one in info.siblings or ()]


def _converted(names: list[str]) -> _Splits:
    found: _Splits = {}
    for name in sorted(names):
        parts = PurePosixPath(name).parts
        if len(parts) == 3 and re.fullmatch(r"\d+\.parquet", parts[2]):
            found.setdefault(parts[0], {}).setdefault(parts[1], []).append(name)
    return found


def _by_name(names: list[str]) -> _Splits:
    """Files by the configuration and split that their names tell, in the ways that `datasets` knows."""
    found: _Splits = {}
    for name in sorted(names):
        *folders, file = PurePosixPath(name).parts
        stem = file.partition(".")[0]
        split = shard[1] if (shard := _SHARD.fullmatch(stem)) else _split_word(stem)
        if not split:
            split = next((word for folder in reversed(folders) if (word := _split_word(folder))), "train")
        others = [folder for folder in folders if folder != "data" and not _split_word(folder)]
        found.setdefault("/".join(others) or "default", {}).setdefault(split, []).append(name)
    return found


def _split_word(text: str) -> str:
    words = re.split(r"[^a-z]+", text.lower())
    return next((SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS), "")


def _one_split(
    api: Any, wanted: Address, commit: str, found: _Splits, config: str | None, split: str | None
) -> Fetched:
    splits = found[_choice(wanted, "configuration", config, list(found), "default")]
    whole = {name.removeprefix(PARTIAL): name for name in splits}
    chosen = whole[_choice(wanted, "split", split, list(whole), "train")]
    kinds = {PurePosixPath(name.removesuffix(".gz")).suffix.lower() for name in splits[chosen]}
    if len(kinds) > 1:  # one split put up twice is more likely than one in two formats
        raise UserError(
            f"The split {chosen} of {wanted.repo} has files of several formats: {_some(splits[chosen])}.",
            f"Name one of them: hf://datasets/{wanted.repo}/PATH.",
        )
    warnings = ()
    if chosen.startswith(PARTIAL):
        name = chosen.removeprefix(PARTIAL)
        warnings = (f"The hub converted only the beginning of the split {name}: name a file of it to have more.",)
    return _fetched(api, wanted, commit, splits[chosen], warnings)


def _choice(wanted: Address, what: str, asked: str | None, known: list[str], usual: str) -> str:
    if asked is not None:
        if asked not in known:
            raise UserError(f"The data set {wanted.repo} has no {what} {asked!r}.", nearest(asked, known))
        return asked
    if len(known) > 1 and usual not in known:
        raise UserError(f"The data set {wanted.repo} has several {what}s: {_some(known)}.", "Say which.")
    return usual if usual in known else known[0]


def _fetched(
    api: Any,
    wanted: Address,
    revision: str,
    names: list[str],
    warnings: tuple[str, ...],
    *,
    cached_only: bool = False,
) -> Fetched:
    files: list[tuple[Path, str]] = []
    commit = revision
    for name in names:
        with _faults(Address(wanted.repo, wanted.revision, name)):
            path = Path(
                api.hf_hub_download(
                    wanted.repo,
                    name,
                    repo_type="dataset",
                    revision=commit,
                    tqdm_class=_silent_bar(),
                    local_files_only=cached_only,
                )
            )
        # the cache keeps files as snapshots/COMMIT/NAME: a branch is pinned by what its first file came as
        depth = len(PurePosixPath(name).parts)
        commit = path.parts[-depth - 1] if path.parts[-depth - 2 : -depth - 1] == ("snapshots",) else commit
        files.append((path, str(Address(wanted.repo, commit[:12], name))))
    return Fetched(tuple(files), commit, warnings)


def _silent_bar() -> Any:
    from tqdm import tqdm

    class Silent(tqdm):
        """A progress bar that draws nothing: standard error may be a screen."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs.pop("name", None)
            super().__init__(*args, **{**kwargs, "disable": True})

    return Silent


@contextmanager
def _faults(wanted: Address) -> Iterator[None]:
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    unreachable = EnvironmentProblem(
        f"{wanted} is not on this machine, and the Hugging Face hub cannot be reached.",
        "Check the spelling and the network, or download a file of it elsewhere and import that.",
    )
    try:
        yield
    except AligntuiError:
        raise
    except HFValidationError as error:
        raise UserError(f"{wanted.repo!r} is no valid id of the hub.", "An id is owner/name.") from error
    except GatedRepoError as error:
        raise UserError(
            f"The data set {wanted.repo} is gated: its owner must grant you access first.",
            "Accept its terms on its page, then log in with `hf auth login`.",
        ) from error
    except RepositoryNotFoundError as error:
        raise UserError(
            f"There is no file {wanted.repo} here, and the hub has no data set of this name, or it is private.",
            "Check the spelling, or log in with `hf auth login`.",
        ) from error
    except RevisionNotFoundError as error:
        raise UserError(f"The data set {wanted.repo} has no revision {wanted.revision!r}.") from error
    except LocalEntryNotFoundError as error:
        raise unreachable from error
    except EntryNotFoundError as error:
        raise UserError(f"The data set {wanted.repo} has no file {wanted.path!r}.") from error
    except HfHubHTTPError as error:
        raise EnvironmentProblem(f"The hub refused to send {wanted}: {error}.", "Try again later.") from error
    except OSError as error:
        if error.errno is not None and error.strerror and error.filename:  # of this machine's disk
            raise EnvironmentProblem(f"{wanted} cannot be stored: {error.strerror.lower()}.") from error
        raise unreachable from error
    except Exception as error:  # the client raises its HTTP library's own kinds, which changed between versions
        raise unreachable from error


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:12]) or "no file at all"
    return f"{shown} and {len(names) - 12} more" if len(names) > 12 else shown
