"""The kinds of attention that a recipe can name are those that can be built and counted, and in the same places."""

import pytest

from mtkit.model.kinds import KINDS, build_cross_attention, build_self_attention
from mtkit.model.scores import build_score
from mtkit.settings.attention import ATTENTION, attention_for, attention_with
from mtkit.settings.model import ModelConfig
from mtkit.settings.model_shape import RELATIVE, ModelShape

SMALL = ModelConfig(d_model=8, n_heads=2, d_ff=8, max_length=9)


def test_both_tables_have_the_same_names() -> None:
    assert list(KINDS) == list(ATTENTION)


def test_the_names_of_each_part_are_those_that_recipes_have() -> None:
    scores = ["scaled_dot", "dot", "general", "additive", "location"]
    assert attention_for("encoder") == [*scores, "local", "low_rank", "linear", "lightweight", "dynamic"]
    assert attention_for("decoder") == [*scores, "local", "linear", "average", "ssru", "lightweight", "dynamic"]
    assert attention_for("cross") == [*scores, "low_rank", "linear"]


@pytest.mark.parametrize("name", ATTENTION)
def test_what_may_stand_somewhere_can_be_built_and_counted_there(name: str) -> None:
    kind, parts = KINDS[name], ATTENTION[name].parts
    assert (kind.within is not None) == ("encoder" in parts or "decoder" in parts)
    assert (kind.within is not None and kind.within.step is not None) == ("decoder" in parts)
    assert (kind.across is not None) == ("cross" in parts)
    assert (kind.states is not None) == ATTENTION[name].is_score


@pytest.mark.parametrize("name", ATTENTION)
def test_a_kind_takes_known_positions_and_has_a_setting_of_the_model(name: str) -> None:
    each = ATTENTION[name]
    assert {*each.relative} <= {*RELATIVE}
    assert each.size is None or (each.size in ModelShape.model_fields and name in attention_with(each.size))


@pytest.mark.parametrize("name", [name for name, each in ATTENTION.items() if each.is_score])
def test_a_score_function_can_be_built(name: str) -> None:
    assert build_score(name, n_heads=2, per_head=4, max_length=9)


@pytest.mark.parametrize("name", ["retention", "", "SCALED_DOT"])
def test_an_unknown_kind_is_not_another_one(name: str) -> None:
    with pytest.raises(KeyError):
        build_self_attention(SMALL, name, causal=True)
    with pytest.raises(KeyError):
        build_cross_attention(SMALL, name)


def test_a_kind_is_not_built_where_it_cannot_stand() -> None:
    with pytest.raises(AssertionError, match="local does not look at another sequence"):
        build_cross_attention(SMALL, "local")
