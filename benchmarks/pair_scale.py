"""Listing, filtering, sorting and searching 100,000 pairs against 10,000.

    python benchmarks/pair_scale.py [--check] [--small N] [--large N]

Builds two databases, nine pairs of ten imported from files and one judged here, and prints the median time of what a
console does with them, with the ratio of the large to the small one; both are measured in one run, alternating. `--check`
exits with 1 when a ratio is over 3. Import, streams and what has to read every hit are reported and not checked.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from store_scale import CONDITIONS, RARE, RARE_SHORT, Words, expect

from aligntui.core.ids import now_utc
from aligntui.core.pair import Pair, Scope, Verdict
from aligntui.core.prompt_format import Message, Mode
from aligntui.core.turn import Answer, Finish
from aligntui.store import ImportHead, ImportRecord, PairFilter, PairSort, Store, open_store

LIMIT = 3.0
PAGE = 100
"""Rows that a screen loads at once."""

REPEATS = 20
MARKED = 5
"""Pairs that hold the rare words and the rare tag, at every size."""

FILES = 9
"""Imports; one pair of ten is judged in a chat."""

NOT_HELD = "(not held)"
"""Marks what has to read every hit."""

VERDICTS = (Verdict.LEFT, Verdict.LEFT, Verdict.RIGHT, Verdict.TIE, Verdict.BAD, Verdict.SKIP)


@dataclass
class Built:
    """A database and what is asked of it."""

    store: Store
    pairs: int
    import_s: float
    first_session: str
    after_first_file: str
    before_last_file: str


def records(words: Words, file: int, count: int) -> Iterator[ImportRecord]:
    """Records of one turn, with an example in every fiftieth."""
    for number in range(count):
        rare = file == 0 and number < MARKED
        asked = words.text(15) + (f" {RARE} {RARE_SHORT}。" if rare else "")
        rejected = (Message("assistant", words.text(50)),) if number % 50 else None
        yield ImportRecord(
            fingerprint=f"{file} {number}",
            prompt=(Message("user", asked),),
            chosen=(Message("assistant", words.text(50)),),
            rejected=rejected,
            instruction=f"Answer in style {number % 30}.",
            mode=Mode.SYSTEM,
            tags=("imported", *(("rare",) if rare else ())),
            place=f"line {number + 1}",
            chosen_tokens=64,
            rejected_tokens=64 if rejected else None,
        )


def judge(store: Store, words: Words, count: int) -> None:
    """Pairs of a chat, a third of them taken back or asked again."""
    session = store.create_session("Judged here")
    with store.connection.write():
        for number in range(count):
            text = words.text(15)
            (prompt,) = store.add_prompts(session.id, [None], f"exchange_{number}", text)
            conditions = replace(CONDITIONS, seed=number, rendered_prompt=text, instruction=f"Be {number % 10}.")
            answers = [
                Answer(
                    id=f"turn_{number}_{column}",
                    session_id=session.id,
                    parent_id=prompt.id,
                    take_id=f"take_{number}",
                    column=column,
                    text=words.text(50),
                    finish=Finish.STOP,
                    created_at=prompt.created_at,
                    conditions=replace(conditions, adapter="demo" if column else None),
                    instruction_label=f"style-{number % 5}/{number % 2 + 1}",
                    token_ids=tuple(range(64)),
                    logprobs=(-0.5,) * 64,
                )
                for column in range(2)
            ]
            store.add_answers(answers)
            pair = Pair(
                f"pair_{number}",
                session.id,
                answers[0].id,
                answers[1].id,
                VERDICTS[number % len(VERDICTS)],
                Scope.ANSWER,
                blind=False,
                shuffled=False,
                annotator=f"annotator {number % 3}",
                created_at=now_utc(),
                tags=(f"tag {number % 20}",),
            )
            store.add_pair(pair)
            if number % 6 == 0:
                store.undo_pair(pair.id)
            elif number % 6 == 1:
                store.add_pair(replace(pair, id=f"repeat_{number}", repeat_of=pair.id))


def build(path: Path, pairs: int) -> Built:
    """Fill a database, and tell how long 10,000 imported records took."""
    words = Words(pairs)
    store = open_store(path)
    times: list[str] = []
    seconds = 0.0
    for file in range(FILES):
        if file == FILES // 2:
            judge(store, words, pairs // 10)
        start = time.perf_counter()
        head = ImportHead(f"File {file}", f"{file}.jsonl", annotator=f"annotator {file % 3}")
        store.import_records(head, records(words, file, pairs // 10))
        seconds += time.perf_counter() - start
        times.append(now_utc())
        time.sleep(0.002)
    first = store.list_sessions(FILES + 1)[-1].id
    return Built(store, pairs, seconds / (0.9 * pairs) * 10_000, first, times[0], times[-2])


def measured(built: Built) -> dict[str, Callable[[], object]]:
    """What a console does, by name."""
    store, filter = built.store, PairFilter
    commonest = Words(0).commonest
    listed = store.count_pair_rows()
    inside = store.pair_rows_at(offset=listed // 3, limit=1)[0].id
    some = [row.id for row in store.pair_rows(limit=PAGE)]
    filters = {
        "session": filter(session_id=built.first_session),
        "instruction": filter(instruction="Answer in style 7."),
        "type of instruction": filter(instruction="style-3"),
        "common tag": filter(tag="imported"),
        "rare tag": filter(tag="rare"),
        "side": filter(side="demo"),
        "annotator": filter(annotator="annotator 1"),
        "verdict": filter(verdicts=(Verdict.TIE,)),
        "two verdicts": filter(verdicts=(Verdict.LEFT, Verdict.EXAMPLE)),
        "since": filter(since=built.before_last_file),
        "until": filter(until=built.after_first_file),
        "deleted": filter(deleted=True),
        "imported": filter(imported=True),
        "judged here": filter(imported=False),
        "with repeats": filter(repeats=True),
        "deleted or not": filter(deleted=None, repeats=True),
        "session, tag and verdict": filter(
            session_id=built.first_session, tag="imported", verdicts=(Verdict.LEFT,), annotator="annotator 0"
        ),
        "that fits nothing": filter(annotator="nobody", tag="imported"),
    }

    def take_back() -> None:
        store.restore_pairs(store.undo_pairs(some, "bench"), "bench")

    def search(text: str, **wanted: object) -> Callable[[], object]:
        return lambda: store.pair_rows(filter(text=text, **wanted), limit=PAGE)  # type: ignore[arg-type]

    return {
        **{f"first page, {sort.value}": lambda sort=sort: store.pair_rows(sort=sort, limit=PAGE) for sort in PairSort},
        "next page": lambda: expect(store.pair_rows(limit=PAGE, after=inside), PAGE),
        "page before": lambda: expect(store.pair_rows(limit=PAGE, before=inside), PAGE),
        "next page, longest": lambda: expect(store.pair_rows(sort=PairSort.LONGEST, limit=PAGE, after=inside), PAGE),
        "jump to the end": lambda: expect(store.pair_rows_at(offset=listed - PAGE, limit=PAGE), PAGE),
        "jump to the middle": lambda: expect(store.pair_rows_at(offset=listed // 2, limit=PAGE), PAGE),
        **{f"filter {name}": lambda one=one: store.pair_rows(one, limit=PAGE) for name, one in filters.items()},
        **{
            f"filter {name}, longest": lambda one=one: store.pair_rows(one, PairSort.LONGEST, PAGE)
            for name, one in filters.items()
        },
        "count all": lambda: store.count_pair_rows(),
        "count a tag": lambda: store.count_pair_rows(filters["common tag"]),
        f"count imported {NOT_HELD}": lambda: store.count_pair_rows(filters["imported"]),
        f"count session, tag, verdict {NOT_HELD}": lambda: store.count_pair_rows(filters["session, tag and verdict"]),
        "what there is to filter by": lambda: store.pair_facets(),
        "one pair whole": lambda: store.pair_detail(inside),
        "search a common word": search(commonest),
        "search two common words": search(f"{commonest} the"),
        "search a rare word": lambda: expect(store.pair_rows(filter(text=RARE)), MARKED),
        "search a rare word of two characters": lambda: expect(store.pair_rows(filter(text=RARE_SHORT)), MARKED),
        "search a rare and a common word": search(f"{RARE} {commonest}"),
        "search two letters": search("th"),
        "search a word that is nowhere": lambda: expect(store.pair_rows(filter(text="xylophone")), 0),
        "search in a session": search(commonest, session_id=built.first_session),
        f"search a word of one pair in 80 {NOT_HELD}": search("backs"),
        f"count a common word {NOT_HELD}": lambda: store.count_pair_rows(filter(text=commonest)),
        "scroll in what was found": lambda: store.pair_rows_at(filter(text=commonest), offset=500, limit=PAGE),
        "count up to 1,000 found": lambda: store.count_pair_rows(filter(text=commonest), at_most=1_000),
        f"take {PAGE} back and restore them": take_back,
    }


def medians(builds: Sequence[Built]) -> list[tuple[str, list[float]]]:
    """Median seconds of each measure for each database, in rounds of all, as in `store_scale`."""
    actions = [measured(built) for built in builds]
    times: dict[str, list[list[float]]] = {name: [[] for _ in builds] for name in actions[0]}
    for repeat in range(REPEATS + 1):
        order = list(range(len(builds)))[:: 1 if repeat % 2 else -1]
        for name, both in times.items():
            for place in order:
                start = time.perf_counter()
                actions[place][name]()
                if repeat:
                    both[place].append(time.perf_counter() - start)
    return [(name, [statistics.median(one) for one in both]) for name, both in times.items()]


def seconds_of(stream: Callable[[], Iterator[object]]) -> float:
    start = time.perf_counter()
    for _ in stream():
        pass
    return time.perf_counter() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help=f"exit with 1 when a ratio is over {LIMIT:g}")
    parser.add_argument("--small", type=int, default=10_000, help="pairs in the small database")
    parser.add_argument("--large", type=int, default=100_000, help="pairs in the large database")
    options = parser.parse_args()
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        builds = [build(Path(folder) / f"{pairs}.db", pairs) for pairs in (options.small, options.large)]
        print(f"{'':48}{options.small:>12,}{options.large:>12,}   ratio")
        for name, (small, large) in medians(builds):
            held = NOT_HELD not in name
            worst = max(worst, large / small) if held else worst
            mark = "  over" if held and large / small > LIMIT else ""
            print(f"{name:48}{small * 1e3:>9.2f} ms{large * 1e3:>9.2f} ms{large / small:>8.2f}{mark}")
        print()
        reports = {
            "import of 10,000 records": [built.import_s for built in builds],
            "stream of all records": [seconds_of(built.store.curated_records) for built in builds],
            "stream of all judgements": [seconds_of(built.store.judgements) for built in builds],
        }
        for name, (small, large) in reports.items():
            print(f"{name:48}{small:>10.2f} s{large:>10.2f} s")
        for built in builds:
            built.store.close()
            print(f"{built.pairs:,} pairs: {built.store.path.stat().st_size / 1e6:.0f} MB")
    print(f"largest ratio {worst:.2f}, limit {LIMIT:g}")
    return 1 if options.check and worst > LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
