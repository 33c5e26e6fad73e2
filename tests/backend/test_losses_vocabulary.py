"""The chunked pass over the vocabulary against the direct form."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from aligntui.backend.train.losses import vocabulary
from aligntui.backend.train.losses.head import Head
from aligntui.backend.train.losses.vocabulary import score_tokens

N, D, V = 7, 5, 11
CHUNKS = [1, 2, 3, 7, 100, None]
HEADS = ["plain", "bias", "scale", "cap", "all"]


def make_head(kind, dtype=torch.float64):
    torch.manual_seed(1)
    bias = torch.randn(V, dtype=dtype) if kind in ("bias", "all") else None
    scale = 0.6 if kind in ("scale", "all") else 1.0
    return Head(torch.randn(V, D, dtype=dtype), bias, scale, 2.0 if kind in ("cap", "all") else None)


def make_inputs(dtype=torch.float64):
    torch.manual_seed(2)
    hidden = torch.randn(N, D, dtype=dtype, requires_grad=True)
    reference = hidden.detach() + 0.5 * torch.randn(N, D, dtype=dtype)
    return hidden, reference, torch.randint(0, V, (N,))


def direct(hidden, targets, head, reference):
    """Every logit at once, by autograd."""
    policy, base = head.logits(hidden).log_softmax(-1), head.logits(reference).log_softmax(-1)
    pick = targets[:, None]
    kl = (policy.exp() * (policy - base)).sum(-1)
    return policy.gather(-1, pick)[:, 0], base.gather(-1, pick)[:, 0], kl


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize("kind", HEADS)
def test_values_and_gradients_equal_the_direct_form(kind, chunk):
    head = make_head(kind)
    hidden, reference, targets = make_inputs()
    found = score_tokens(hidden, targets, head, reference, chunk=chunk)
    logp, base_logp, kl = direct(hidden, targets, head, reference)
    torch.testing.assert_close(found.logp, logp)
    torch.testing.assert_close(found.reference_logp, base_logp)
    torch.testing.assert_close(found.kl, kl)
    assert found.best.tolist() == (head.logits(hidden).argmax(-1) == targets).tolist()
    weights = torch.linspace(-1, 2, N, dtype=hidden.dtype)  # each token weighs differently, as in a preference loss
    for ours, theirs in (
        (found.logp @ weights, logp @ weights),
        (found.kl @ weights, kl @ weights),
        (found.logp @ weights + found.kl.square().sum(), logp @ weights + kl.square().sum()),
    ):
        (expected,) = torch.autograd.grad(theirs, hidden, retain_graph=True)
        (gradient,) = torch.autograd.grad(ours, hidden, retain_graph=True)
        torch.testing.assert_close(gradient, expected)


@pytest.mark.parametrize("chunk", [1, 3, 100])
@pytest.mark.parametrize("kind", HEADS)
def test_gradcheck(kind, chunk):
    head = make_head(kind)
    hidden, reference, targets = make_inputs()

    def run(hidden):
        found = score_tokens(hidden, targets, head, reference, chunk=chunk)
        return found.logp, found.kl

    assert torch.autograd.gradcheck(run, (hidden,))


@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_gradcheck_without_a_reference(chunk):
    head = make_head("all")
    hidden, _, targets = make_inputs()
    assert torch.autograd.gradcheck(lambda hidden: score_tokens(hidden, targets, head, chunk=chunk).logp, (hidden,))


def test_without_a_reference_there_is_no_kl():
    hidden, reference, targets = make_inputs()
    alone = score_tokens(hidden, targets, make_head("plain"))
    both = score_tokens(hidden, targets, make_head("plain"), reference)
    assert alone.kl is None
    assert alone.reference_logp is None
    assert torch.equal(alone.logp, both.logp)


def test_kl_that_is_only_reported_gives_no_gradient_and_the_same_value():
    hidden, reference, targets = make_inputs()
    head = make_head("plain")
    reported = score_tokens(hidden, targets, head, reference, kl_gradient=False)
    minimised = score_tokens(hidden, targets, head, reference)
    assert torch.equal(reported.kl, minimised.kl)
    ours, theirs = (torch.autograd.grad(s.logp.sum(), hidden)[0] for s in (reported, minimised))
    torch.testing.assert_close(ours, theirs)


def test_kl_is_a_divergence():
    torch.manual_seed(3)
    head = Head(torch.randn(500, 16))
    hidden = torch.randn(200, 16)
    targets = torch.randint(0, 500, (200,))
    same = score_tokens(hidden, targets, head, hidden.clone())
    assert torch.equal(same.kl, torch.zeros(200))
    assert torch.equal(same.logp, same.reference_logp)
    for distance in (1e-3, 1e-1, 1.0):
        other = score_tokens(hidden, targets, head, hidden + distance * torch.randn(200, 16))
        assert (other.kl > -1e-5).all()
        assert other.kl.mean() > 0


def test_scores_without_gradients_form_none():
    hidden, reference, targets = make_inputs()
    with torch.no_grad():
        found = score_tokens(hidden, targets, make_head("plain"), reference)
    assert not found.logp.requires_grad
    assert not score_tokens(hidden.detach(), targets, make_head("plain"), reference).kl.requires_grad


class Largest(TorchDispatchMode):
    """The most elements that any operator returned."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        for tensor in found if isinstance(found, tuple) else (found,):
            if isinstance(tensor, torch.Tensor) and "aten.t." not in str(func):
                self.elements = max(self.elements, tensor.numel())
        return found


@pytest.mark.parametrize("chunk", [1, 2, 8])
def test_no_tensor_is_wider_than_a_chunk(chunk):
    torch.manual_seed(4)
    rows, width, vocabulary = 64, 8, 3000
    head = Head(torch.randn(vocabulary, width))
    hidden = torch.randn(rows, width, requires_grad=True)
    with Largest() as largest:
        found = score_tokens(hidden, torch.randint(0, vocabulary, (rows,)), head, torch.randn(rows, width), chunk=chunk)
        (found.logp.sum() + found.kl.sum()).backward()
    assert vocabulary <= largest.elements <= 2 * chunk * vocabulary


def test_chunks_follow_the_room(monkeypatch):
    head = Head(torch.zeros(1000, 4))
    monkeypatch.setitem(vocabulary.CHUNK_BYTES, "cpu", 40_000)
    assert vocabulary.chunk_rows(head, with_reference=False) == 10
    assert vocabulary.chunk_rows(head, with_reference=True) == 5
    monkeypatch.setitem(vocabulary.CHUNK_BYTES, "cpu", 1)
    assert vocabulary.chunk_rows(head, with_reference=True) == 1


@pytest.mark.parametrize("kind", HEADS)
def test_bfloat16_follows_float32(kind):
    torch.manual_seed(5)
    exact = Head(torch.randn(300, 32).bfloat16().float() / 6, scale=0.5 if kind in ("scale", "all") else 1.0)
    if kind in ("cap", "all"):
        exact = Head(exact.weight, None, exact.scale, 3.0)
    rounded = Head(exact.weight.bfloat16(), None, exact.scale, exact.cap)
    hidden = torch.randn(40, 32).bfloat16().requires_grad_()
    reference = (hidden.detach() + 0.7 * torch.randn(40, 32)).bfloat16()
    targets = torch.randint(0, 300, (40,))
    low = score_tokens(hidden, targets, rounded, reference, chunk=7)
    assert low.logp.dtype == low.kl.dtype == torch.float32
    (low.logp.sum() + low.kl.sum()).backward()
    assert hidden.grad is not None and hidden.grad.dtype == torch.bfloat16
    wide = hidden.detach().float().requires_grad_()
    high = score_tokens(wide, targets, exact, reference.float())
    (high.logp.sum() + high.kl.sum()).backward()
    torch.testing.assert_close(low.logp, high.logp, atol=0.03, rtol=0.01)
    torch.testing.assert_close(low.kl, high.kl, atol=0.01, rtol=0.1)
    difference = (hidden.grad.float() - wide.grad).norm() / wide.grad.norm()
    assert difference < 0.02


def test_float32_hidden_states_meet_a_bfloat16_head():
    head = Head(torch.randn(V, D).bfloat16())
    hidden = torch.randn(N, D, requires_grad=True)
    score_tokens(hidden, torch.randint(0, V, (N,)), head).logp.sum().backward()
    assert hidden.grad.dtype == torch.float32


def test_autocast_leaves_the_head_its_dtype():
    head = make_head("plain", torch.float32)
    hidden, reference, targets = make_inputs(torch.float32)
    plain = score_tokens(hidden, targets, head, reference)
    with torch.autocast("cpu", torch.bfloat16):
        cast = score_tokens(hidden, targets, head, reference)
    assert torch.equal(plain.logp, cast.logp)
    assert torch.equal(plain.kl, cast.kl)


def test_shapes_that_disagree_are_refused():
    head = make_head("plain")
    hidden, reference, targets = make_inputs()
    with pytest.raises(ValueError, match="do not fit"):
        score_tokens(hidden, targets[1:], head)
    with pytest.raises(ValueError, match="reference"):
        score_tokens(hidden, targets, head, reference[1:])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_gpu_gives_what_the_cpu_gives(dtype):
    torch.manual_seed(6)
    head, hidden = Head(torch.randn(500, 32, dtype=dtype), cap=20.0), torch.randn(30, 32, dtype=dtype)
    reference, targets = hidden + 0.2 * torch.randn(30, 32).to(dtype), torch.randint(0, 500, (30,))
    found = []
    for device in ("cpu", "cuda"):
        at = hidden.detach().to(device).requires_grad_()
        there = Head(head.weight.to(device), cap=20.0)
        scores = score_tokens(at, targets.to(device), there, reference.to(device), chunk=8)
        (scores.logp.sum() + scores.kl.sum()).backward()
        found.append((scores.logp.cpu(), scores.kl.cpu(), at.grad.float().cpu()))
    room = {"atol": 1e-3, "rtol": 1e-3} if dtype == torch.float32 else {"atol": 0.2, "rtol": 0.05}
    torch.testing.assert_close(found[0], found[1], **room)
