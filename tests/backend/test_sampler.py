"""Drawing tokens."""

from __future__ import annotations

import pytest
import torch

from aligntui.backend.infer.sampler import RowSampler, UniformStream, choose, first_largest
from aligntui.core.sampling import Sampling


def test_number_i_never_depends_on_how_the_stream_was_asked() -> None:
    forward, direct = UniformStream(11), UniformStream(11)
    numbers = [forward[i] for i in range(600)]
    assert direct[599] == numbers[599]
    assert direct[3] == numbers[3]
    assert all(0 <= number < 1 for number in numbers)
    assert UniformStream(12)[0] != numbers[0]


def test_the_largest_seed_is_taken() -> None:
    assert 0 <= UniformStream(2**63 - 1)[0] < 1


def test_greedy_takes_the_first_of_equal_largest() -> None:
    logits = torch.zeros(3, 50)
    logits[0, 7] = logits[0, 9] = 2.0
    logits[1, 3] = 1.0
    assert first_largest(logits).tolist() == logits.argmax(-1).tolist() == [7, 3, 0]


def test_greedy_survives_what_is_no_number() -> None:
    logits = torch.zeros(2, 10)
    logits[0] = float("nan")
    logits[1, 4] = 1.0
    assert first_largest(logits).tolist() == logits.argmax(-1).tolist()


def test_logprob_is_that_of_the_untempered_distribution() -> None:
    logits = torch.randn(4, 30, generator=torch.Generator().manual_seed(0))
    sampler = RowSampler([Sampling(0.0), Sampling(0.3), Sampling(2.0), Sampling(1.0, top_p=1.0)])
    ids, logprobs = sampler.draw(logits, [0, 1, 2, 3])
    expected = logits.log_softmax(-1).gather(-1, ids[:, None])[:, 0]
    torch.testing.assert_close(logprobs, expected)
    assert ids[0] == logits[0].argmax()


@pytest.mark.parametrize("top_p", [0.5, 0.9, 1.0])
@pytest.mark.parametrize("size", [40, 2000], ids=["small", "beyond-the-head"])
def test_frequencies_are_those_of_the_nucleus(top_p: float, size: int) -> None:
    logits = torch.randn(size, generator=torch.Generator().manual_seed(1)) * (3.0 if size == 40 else 0.5)
    probabilities, order = (logits / 0.8).softmax(-1).sort(descending=True)
    inside = int((probabilities.cumsum(-1) - probabilities < top_p).sum())
    nucleus = probabilities[:inside] / probabilities[:inside].sum()
    rows = 3000
    sampler = RowSampler([Sampling(0.8, top_p, seed=seed) for seed in range(rows)])
    ids, _ = sampler.draw(logits.expand(rows, -1), [0] * rows)
    counts = torch.bincount(ids, minlength=size).float()[order] / rows
    assert counts[inside:].sum() == 0
    # a group of tokens at a time, since one of 2000 is drawn too seldom to count
    for part in torch.arange(inside).chunk(5):
        assert float(counts[part].sum()) == pytest.approx(float(nucleus[part].sum()), abs=0.04)


def test_a_head_too_short_to_tell_says_so() -> None:
    sums = torch.tensor([0.2, 0.3], dtype=torch.float64)
    assert choose(sums, 0.9, 0.1, whole=False) is None
    assert choose(sums, 1.0, 0.29, whole=False) == 1
    assert choose(sums, 1.0, 0.31, whole=False) is None
    assert choose(sums, 0.25, 0.99, whole=False) == 1


def test_the_edges_of_the_nucleus() -> None:
    sums = torch.tensor([0.5, 0.8, 1.0], dtype=torch.float64)
    assert choose(sums, 0.5, 0.999999, whole=True) == 0
    assert choose(sums, 0.51, 0.999999, whole=True) == 1
    assert choose(sums, 1.0, 0.0, whole=True) == 0
    assert choose(sums, 1.0, 0.9999999999, whole=True) == 2
    assert choose(sums - 1e-9, 1.0, 0.9999999999, whole=True) == 2


def test_a_row_is_drawn_the_same_alone_and_among_others() -> None:
    logits = torch.randn(6, 500, generator=torch.Generator().manual_seed(2))
    samplings = [Sampling(n / 4, 0.9, seed=n) for n in range(6)]
    together, _ = RowSampler(samplings).draw(logits, [5] * 6)
    alone = [int(RowSampler([s]).draw(logits[n : n + 1], [5])[0]) for n, s in enumerate(samplings)]
    assert together.tolist() == alone
    kept = RowSampler(samplings)
    kept.keep([4, 1])
    assert kept.draw(logits[[4, 1]], [5, 5])[0].tolist() == [alone[4], alone[1]]
