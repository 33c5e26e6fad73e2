"""The growing cache holds what transformers' own cache holds."""

from __future__ import annotations

import torch
from transformers import Gemma3TextConfig, LlamaConfig
from transformers.cache_utils import DynamicLayer

from aligntui.backend.infer.kv_cache import FIRST_ROOM, GrowingLayer, RowCache


def positions(count: int, rows: int = 3, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Keys and values (B, H, T, D)."""
    numbers = torch.Generator().manual_seed(seed)
    return torch.randn(rows, 2, count, 4, generator=numbers), torch.randn(rows, 2, count, 4, generator=numbers)


def test_it_holds_what_a_dynamic_layer_holds_also_beyond_its_first_room() -> None:
    ours, theirs = GrowingLayer(), DynamicLayer()
    for count in (5, 1, FIRST_ROOM - 8, 1, 1, 1, FIRST_ROOM * 3, 1):
        keys, values = positions(count, seed=count)
        found, expected = ours.update(keys, values), theirs.update(keys, values)
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
        assert ours.get_seq_length() == theirs.get_seq_length()
        assert ours.get_mask_sizes(1) == theirs.get_mask_sizes(1)


def test_one_position_at_a_time_is_the_same_as_many() -> None:
    ours, step = GrowingLayer(), GrowingLayer()
    keys, values = positions(FIRST_ROOM + 3)
    expected = ours.update(keys, values)
    step.update(keys[:, :, :1], values[:, :, :1])
    for at in range(1, FIRST_ROOM + 3):
        step.advance()
        found = step.put(None, keys[:, :, at], values[:, :, at])
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_a_position_is_written_by_some_rows_after_others() -> None:
    whole, parts = GrowingLayer(), GrowingLayer()
    keys, values = positions(FIRST_ROOM)
    new_keys, new_values = positions(1, seed=7)
    for layer in (whole, parts):
        layer.update(keys, values)
        layer.advance()
    expected = whole.put(None, new_keys[:, :, 0], new_values[:, :, 0])
    for rows in (slice(2, len(keys)), slice(0, 2)):
        found = parts.put(rows, new_keys[rows, :, 0], new_values[rows, :, 0])
        assert all(torch.equal(a, b[rows]) for a, b in zip(found, expected, strict=True))
    assert torch.equal(held(parts)[0], held(whole)[0]) and torch.equal(held(parts)[1], held(whole)[1])


def held(layer: GrowingLayer) -> tuple[torch.Tensor, torch.Tensor]:
    """All that it holds (B, H, T, D)."""
    nothing = positions(0, rows=layer.rows)
    return layer.update(*nothing)


def test_rows_leave_and_padding_goes() -> None:
    layer = GrowingLayer()
    keys, values = positions(10)
    layer.update(keys, values)
    layer.keep([2, 0], 6)
    more = positions(1, rows=2, seed=9)
    found = layer.update(*more)
    assert torch.equal(found[0], torch.cat([keys[[2, 0], :, 4:], more[0]], 2))
    assert torch.equal(found[1], torch.cat([values[[2, 0], :, 4:], more[1]], 2))


def test_rows_join_shorter_and_longer_ones_and_each_ends_at_the_end() -> None:
    for length in (3, 10, 40):
        layer, other = GrowingLayer(), GrowingLayer()
        keys, values = positions(10)
        more_keys, more_values = positions(length, rows=2, seed=1)
        layer.update(keys, values)
        other.update(more_keys, more_values)
        whole = max(10, length)
        layer.keep([2, 4, 0, 3], whole, other)
        found_keys, found_values = held(layer)
        assert found_keys.shape[:3] == (4, 2, whole)
        for place, row in ((0, 2), (2, 0)):
            assert torch.equal(found_keys[place, :, whole - 10 :], keys[row])
            assert torch.equal(found_values[place, :, whole - 10 :], values[row])
        for place, row in ((1, 1), (3, 0)):
            assert torch.equal(found_keys[place, :, whole - length :], more_keys[row])
            assert torch.equal(found_values[place, :, whole - length :], more_values[row])
        # what is no row's own is looked at with weight 0, and 0 times what is not finite is not 0
        assert torch.isfinite(found_keys).all() and torch.isfinite(found_values).all()


def test_rows_change_places_and_are_repeated() -> None:
    layer = GrowingLayer()
    keys, values = positions(7)
    layer.update(keys, values)
    layer.keep([1, 0, 2], 7)
    layer.keep([0, 0, 2, 1, 1], 7)
    assert torch.equal(held(layer)[0], keys[[1, 1, 2, 0, 0]])
    assert torch.equal(held(layer)[1], values[[1, 1, 2, 0, 0]])


def test_a_window_that_moves_on_for_long_keeps_its_contents_and_its_room() -> None:
    layer, expected = GrowingLayer(), positions(20, rows=2)[0]
    layer.update(expected, expected)
    for step in range(FIRST_ROOM * 3):
        new = positions(1, rows=2, seed=step)[0]
        layer.advance()
        found, _ = layer.put(None, new[:, :, 0], new[:, :, 0])
        layer.keep([0, 1], 20)
        expected = torch.cat([expected, new], 2)[:, :, 1:]
        assert torch.equal(found[:, :, 1:], expected)
    assert layer.room == FIRST_ROOM


def test_only_full_attention_is_ours() -> None:
    plain = RowCache(LlamaConfig(num_hidden_layers=2))
    mixed = RowCache(
        Gemma3TextConfig(num_hidden_layers=2, sliding_window=8, layer_types=["sliding_attention", "full_attention"])
    )
    assert plain.foreign == []
    assert plain.joins and not mixed.joins
    assert mixed.foreign == ["DynamicSlidingWindowLayer"]
    assert isinstance(mixed.layers[1], GrowingLayer)
    assert not mixed.recurrent


def test_foreign_layers_lose_rows_too_but_keep_their_padding() -> None:
    cache = RowCache(
        Gemma3TextConfig(num_hidden_layers=2, sliding_window=8, layer_types=["sliding_attention", "full_attention"])
    )
    keys, values = positions(6)
    for layer in range(2):
        cache.update(keys, values, layer)
    cache.keep([1], 3)
    found = cache.update(keys[:1, :, :1], values[:1, :, :1], 0)
    assert torch.equal(found[0], torch.cat([keys[1:2], keys[:1, :, :1]], 2))
