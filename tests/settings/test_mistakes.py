"""Mistakes in a recipe are named, each with its place and what was meant."""

from pathlib import Path

import pytest

from mtkit.errors import ConfigError
from mtkit.settings.resolve import Settings
from tests.settings.conftest import MINIMAL, write


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("modle:\n  d_model: 8\n", r"my.yaml:6: modle: unknown setting; did you mean model\?"),
        ("model:\n  d_modle: 8\n", r"my.yaml:7: model.d_modle: unknown setting; did you mean d_model\?"),
        ("training:\n  zzz: 8\n", r"my.yaml:7: training.zzz: unknown setting$"),
        ("training:\n  lr: 3\n", r"my.yaml:7: training.lr: unknown setting; did you mean learning_rate\?"),
        ("model: {enc_layers: 3}\n", r"model.enc_layers: unknown setting; did you mean n_encoder_layers\?"),
        ("training:\n  device: gpu\n", r"training.device: must be .* \(got 'gpu'; did you mean 'cuda'\?\)"),
        ("training:\n  precision: float32\n", r"training.precision: must be .*; did you mean 'fp32'\?\)"),
        ("lr: 3\n", r"my.yaml:6: lr: unknown setting; did you mean training.learning_rate\?"),
        ("preset: tiny\n", r"my.yaml:6: preset: unknown setting; did you mean model.preset\?"),
        ("cleaning: {steps: [spaces]}\n", r"my.yaml:6: cleaning: unknown setting; did you mean data.cleaning\?"),
        ("model: {beam_size: 3}\n", r"model.beam_size: unknown setting; did you mean decoding.beam_size\?"),
        ("steps: [spaces]\n", r"my.yaml:6: steps: unknown setting; did you mean data.cleaning.steps\?"),
        ("name: no\n", r"my.yaml:6: name: must be text \(got False; write it in quotes\)"),
        ("name: 2024-05-01\n", r"my.yaml:6: name: must be text \(got .*; write it in quotes\)"),
        ("name: [a]\n", r"my.yaml:6: name: must be text \(got \['a'\]\)"),
        ("model:\n\td_model: 8\n", r"my.yaml:7: not valid YAML: .*; indent with spaces, not with tabs$"),
        ("model: {positions: rope}\n", r"my.yaml:6: model.positions: must be .*'t5' \(got 'rope'\)$"),
        ("model: {d_model: 30, n_heads: 4}\n", r"my.yaml:6: model.n_heads: must divide d_model \(30\) \(got 4\)"),
        ("model: {d_model: many}\n", r"my.yaml:6: model.d_model: .*integer.* \(got 'many'\)"),
        ("model: {dropout: 1.5}\n", r"model.dropout: .*less than 1 \(got 1.5\)"),
        ("model: {d_model: 8, d_model: 9}\n", r"my.yaml:6: d_model is given twice \(first on line 6\)"),
        ("tokenizer: {joint: false}\n", r"model.tie_embeddings: all needs tokenizer.joint: true"),
        ("tokenizer: {type: char, byte_fallback: true}\n", r"byte_fallback needs type unigram or bpe, not char"),
        ("training: {schedule: linear, max_updates: 5}\n", r"warmup_updates \(4000\) must be below max_updates \(5\)"),
        ("training: {max_minutes: 0}\n", r"my.yaml:6: training.max_minutes: must be at least 1e-06 \(got 0\)"),
        ("training: {max_minutes: .inf}\n", r"my.yaml:6: training.max_minutes: .*finite"),
        ("training: {max_minutes: ten}\n", r"my.yaml:6: training.max_minutes: .*number.* \(got 'ten'\)"),
        (
            "training: {max_minutes: 5, schedule: constant}\n",
            r"my.yaml:6: training: schedule constant does not reach zero .*; write linear, cosine or wsd",
        ),
        ("training: {max_updates: null}\n", r"my.yaml:6: training: max_updates: null needs max_minutes"),
        (
            "training: {validate_text: false, early_stopping: {patience: 3}}\n",
            r"my.yaml:6: training: early_stopping.metric bleu needs validate_text: true",
        ),
        ("training: {average: {n: 5}}\n", r"average.n \(5\) exceeds keep_last \(3\)"),
        ("model: [1, 2]\n", r"my.yaml:6: model: "),
        ("model: {d_model: 8\n", r"my.yaml:\d+: not valid YAML"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Settings.load(write(tmp_path, MINIMAL + text)).config()


def test_a_mistake_in_an_option_names_the_option(tmp_path: Path) -> None:
    flags = {"training.max_minutes": 0.0, "model.preset": "huge", "training.seed": 7}
    with pytest.raises(ConfigError) as caught:
        Settings.load(write(tmp_path, MINIMAL), flags=flags).config()
    told = str(caught.value)
    assert "\n  --minutes: must be at least 1e-06 (got 0.0)" in told
    assert "\n  --preset: must be 'auto', " in told
    assert "flag:" not in told


def test_a_source_without_a_weight_is_named_by_its_line(tmp_path: Path) -> None:
    train = "train:\n  - {src: a.en, tgt: a.de, weight: 2}\n  - {src: c.en, tgt: c.de}"
    path = write(tmp_path, MINIMAL.replace("train: {src: a.en, tgt: a.de}", train))
    with pytest.raises(ConfigError, match=r"my.yaml:6: data.train.1: has no weight: give one to every source, or to"):
        Settings.load(path).config()


def test_transposed_letters_are_seen_before_what_is_merely_alike(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL.replace("train: {src:", "train: {scr:"))
    with pytest.raises(ConfigError, match=r"data.train.0.scr: unknown setting; did you mean src\?"):
        Settings.load(path).config()


def test_several_mistakes_in_a_model_are_each_at_their_line(tmp_path: Path) -> None:
    text = MINIMAL + "model:\n  n_heads: 7\n  window: 5\n  rnn_cell: gru\n"
    with pytest.raises(ConfigError) as error:
        Settings.load(write(tmp_path, text), overrides=["model.bridge=copy"]).config()
    assert [line.split(": ")[:2] for line in str(error.value).replace(str(tmp_path), "").splitlines()[1:]] == [
        ["  /my.yaml:7", "model.n_heads"],
        ["  /my.yaml:8", "model.window"],
        ["  /my.yaml:9", "model.rnn_cell"],
        ["  --set", "model.bridge"],
    ]


def test_several_mistakes_are_all_listed(tmp_path: Path) -> None:
    text = MINIMAL + "model:\n  n_heads: 7\ntraining:\n  max_update: 5\n  seed: x\n"
    with pytest.raises(ConfigError) as error:
        Settings.load(write(tmp_path, text)).config()
    lines = str(error.value).splitlines()
    assert len(lines) == 4
    assert "my.yaml:7: model.n_heads: must divide d_model (512) (got 7)" in lines[1]
    assert "my.yaml:9: training.max_update: unknown setting; did you mean max_updates?" in lines[2]
    assert "my.yaml:10: training.seed" in lines[3]
    assert error.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- 1\n", "expected sections"),
        ("data: {src_lang: en, tgt_lang: de}", r"data.train: required, but not given"),
        (MINIMAL.replace("{src: a.en, tgt: a.de}", "{src: a.en}"), r"src and tgt go together"),
        (
            MINIMAL.replace("{src: a.en, tgt: a.de}", "{hf: x, tsv: y}"),
            r"give one of src \+ tgt, tsv, .* and mono",
        ),
        (
            MINIMAL.replace("{src: a.en, tgt: a.de}", "a.en"),
            r"a source is hf:NAME, mtdata:ID, a file",
        ),
    ],
)
def test_a_recipe_without_a_corpus_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Settings.load(write(tmp_path, text)).config()
