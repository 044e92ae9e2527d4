from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mtkit.errors import ConfigError
from mtkit.settings.cleaning import CharactersStep, LanguageStep, RatioStep, ScoreStep
from mtkit.settings.presets import SIZE_CLASSES, default_vocab_size, size_class_for
from mtkit.settings.recipe import Config
from mtkit.settings.resolve import Settings, dump_config, read_config, recipe_name

MINIMAL = """\
data:
  src_lang: en
  tgt_lang: de
  train: {src: a.en, tgt: a.de}
  valid: {src: b.en, tgt: b.de}
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "my.yaml"
    path.write_text(text)
    return path


def test_a_minimal_recipe_takes_every_default(tmp_path: Path) -> None:
    config = Settings.load(write(tmp_path, MINIMAL)).config()
    assert config.name == "my"
    assert config.model.d_model == 512
    assert config.data.train[0].src == "a.en"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("modle:\n  d_model: 8\n", r"my.yaml:6: modle: unknown setting; did you mean model\?"),
        ("model:\n  d_modle: 8\n", r"my.yaml:7: model.d_modle: unknown setting; did you mean d_model\?"),
        ("training:\n  zzz: 8\n", r"my.yaml:7: training.zzz: unknown setting$"),
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
            r"my.yaml:6: training: schedule constant does not reach zero .*; write linear or cosine",
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


def test_a_source_without_a_weight_is_named_by_its_line(tmp_path: Path) -> None:
    train = "train:\n  - {src: a.en, tgt: a.de, weight: 2}\n  - {src: c.en, tgt: c.de}"
    path = write(tmp_path, MINIMAL.replace("train: {src: a.en, tgt: a.de}", train))
    with pytest.raises(ConfigError, match=r"my.yaml:6: data.train.1: has no weight: give one to every source, or to"):
        Settings.load(path).config()


@pytest.mark.parametrize(
    "content", ["One line.\nAnother line.\n", "He said: no: never.\n", "gr\xfcn\n", "long\n" * 1_000_001]
)
def test_a_text_file_in_the_place_of_a_recipe_is_shown_the_way(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.en"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(
        ConfigError, match=r"a\.en.*; to train on two text files: mtkit train --src .*a\.en --tgt FILE$"
    ):
        Settings.load(path)
    path = path.rename(tmp_path / "a.yaml")
    with pytest.raises(ConfigError) as error:
        Settings.load(path)
    assert "--src" not in str(error.value)


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
            r"give one of src \+ tgt, tsv, .* and mtdata",
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


def test_a_missing_recipe_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none.yaml: No such file or directory"):
        Settings.load(tmp_path / "none.yaml")


def test_flags_beat_overrides_beat_the_recipe_beats_the_preset(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL + "model: {preset: tiny, d_ff: 64, dropout: 0.2}\ntraining: {seed: 2}\n")
    overrides = ["model.dropout=0.4", "training.seed=3", "training.learning_rate=1e-3"]
    settings, reason = Settings.load(path, overrides=overrides, flags={"training.seed": 4}).for_corpus(10)
    config = settings.config()
    assert reason == "preset tiny: the recipe names it; instead of its own values: d_ff 64, dropout 0.4"
    assert config.model.d_model == 128  # preset
    assert config.model.d_ff == 64  # recipe
    assert config.model.dropout == 0.4  # --set
    assert config.training.seed == 4  # flag
    assert config.training.learning_rate == 1e-3
    shown = settings.explain().splitlines()
    assert "model.d_model: 128  # preset tiny" in shown
    assert f"model.d_ff: 64  # {path}" in shown
    assert "model.dropout: 0.4  # --set" in shown
    assert "training.seed: 4  # flag" in shown
    assert "model.norm: pre  # default" in shown
    assert "model.rnn_cell: lstm  # default; idle here, it belongs to a recurrent encoder or decoder" in shown


@pytest.mark.parametrize("override", ["model.d_model", "=5", "model.d_model=[", "model.d_model.x=5"])
def test_a_malformed_override_is_refused(tmp_path: Path, override: str) -> None:
    with pytest.raises(ConfigError):
        Settings.load(write(tmp_path, MINIMAL), overrides=[override]).config()


@pytest.mark.parametrize(
    ("n_pairs", "size", "vocab_size"),
    [
        (1000, "tiny", 1000),
        (29000, "tiny", 8000),
        (160000, "small", 16000),
        (4500000, "base", 32000),
        (40000000, "big", 32000),
    ],
)
def test_the_size_of_the_corpus_chooses_the_preset(n_pairs: int, size: str, vocab_size: int) -> None:
    assert size_class_for(n_pairs) == size
    assert default_vocab_size(n_pairs) == vocab_size


def test_what_a_recipe_says_in_the_place_of_a_preset_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL + "model: {n_encoder_layers: 2, n_heads: 4}\n")
    _, line = Settings.load(path, overrides=["model.preset=deep-shallow"]).for_corpus(10)
    assert line == "preset deep-shallow: --set model.preset names it; instead of its own values: n_encoder_layers 2"


@pytest.mark.parametrize("name", SIZE_CLASSES)
def test_every_preset_is_valid(tmp_path: Path, name: str) -> None:
    settings, _ = Settings.load(write(tmp_path, MINIMAL), overrides=[f"model.preset={name}"]).for_corpus(1)
    assert settings.config().model.preset == name


@pytest.mark.parametrize("architecture", ["rnn", "conv"])
def test_a_preset_by_size_leaves_out_what_the_architecture_has_no_use_for(tmp_path: Path, architecture: str) -> None:
    settings = Settings.load(write(tmp_path, MINIMAL), overrides=[f"model.architecture={architecture}"])
    for found in (settings.for_corpus(10)[0], settings.before_corpus()):
        model = found.config().model
        assert (model.architecture, model.d_ff) == (architecture, 2048)  # its default, not the preset's
    assert settings.for_corpus(10)[0].config().model.d_model == 128


def test_the_resolved_settings_repeat_the_run(tmp_path: Path) -> None:
    config = Settings.load(write(tmp_path, MINIMAL)).for_corpus(10)[0].config()
    path = tmp_path / "resolved.yaml"
    path.write_text(dump_config(config))
    assert read_config(path) == config


def test_a_recipe_is_called_after_its_folder_or_file() -> None:
    assert recipe_name(Path("recipes/sample/recipe.yaml")) == "sample"
    assert recipe_name(Path("here/tatoeba.yaml")) == "tatoeba"


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[2] / "recipes").glob("*/*.yaml")), ids=str)
def test_every_shipped_recipe_is_valid(path: Path) -> None:
    config = Settings.load(path).for_corpus(100_000)[0].config()
    assert config.data.train
    assert (path.parent / "README.md").exists()


@pytest.mark.parametrize(
    ("text", "preset"),
    [
        ("training: {schedule: cosine, max_updates: 3000}\n", "tiny"),
        ("model: {d_model: 100}\n", "tiny"),
        ("model: {d_model: 100, preset: small}\n", "small"),
        ("model: {d_model: 64}\n", None),
    ],
)
def test_settings_that_one_preset_makes_valid_are_valid_before_the_corpus(
    tmp_path: Path, text: str, preset: str | None
) -> None:
    shown = Settings.load(write(tmp_path, MINIMAL + text)).before_corpus().explain()
    assert (f"# preset {preset}" in shown) if preset else ("# preset" not in shown)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: {d_model: 30, n_heads: 4}\n", r"my.yaml:6: model.n_heads: must divide d_model \(30\) \(got 4\)$"),
        ("model: {preset: tiny, d_model: 102}\n", r"my.yaml:6: model.n_heads: must divide d_model \(102\) \(got 4\)"),
        ("model: {d_model: 101}\n", r"my.yaml:6: model.n_heads: must divide d_model \(101\) \(got 8\)$"),
        ("model: {d_model: 100, preset: base}\n", r"my.yaml:6: model.n_heads: must divide d_model \(100\) \(got 8\)$"),
        ("model: {d_model: 100, preset: huge}\n", r"my.yaml:6: model.preset: .*'huge'"),
        ("model: {preset: [tiny]}\n", r"my.yaml:6: model.preset: "),
        ("model: {preset: rnn-lung}\n", r"\(got 'rnn-lung'; did you mean 'rnn-luong'\?\)"),
        ("model: {architecture: RNN}\n", r"\(got 'RNN'; did you mean 'rnn'\?\)"),
        ("model: {norm: past}\n", r"my.yaml:6: model.norm: .* \(got 'past'; did you mean 'post'\?\)"),
        (
            "model: {decoder_attention: avrage}\n",
            r"my.yaml:6: model.decoder_attention: avrage is unknown; did you mean",
        ),
        ("model: {rnn_cell: gru}\n", r"my.yaml:6: model.rnn_cell: does nothing here: it belongs to a recurrent"),
        ("model: {d_model: 100, n_haeds: 4}\n", r"^setting not valid:\n  .*n_haeds: unknown setting; did you mean"),
        (
            "training: {schedule: linear, max_updates: 500, zzz: 1}\n",
            r"training.zzz: unknown setting$",
        ),
    ],
)
def test_settings_that_no_preset_makes_valid_are_refused_before_the_corpus(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        Settings.load(write(tmp_path, MINIMAL + text)).before_corpus()


def test_a_setting_of_null_has_an_origin_too(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL + "training: {threads: null, early_stopping: {patience: 3}}\n")
    shown = Settings.load(path, overrides=["training.early_stopping.patience=null"]).explain().splitlines()
    assert "training.early_stopping.patience: null  # --set" in shown
    assert f"training.threads: null  # {path}" in shown
    assert "training.max_epochs: null  # default" in shown


def test_a_heading_with_nothing_below_it_is_an_empty_section(tmp_path: Path) -> None:
    text = MINIMAL + "  cleaning:\ntraining:\nmodel:\n  d_ff: 64\n"
    config = Settings.load(write(tmp_path, text)).for_corpus(10)[0].config()
    assert (config.model.d_ff, config.training.warmup_updates, config.data.cleaning.max_tokens) == (64, 1000, 256)
    with pytest.raises(ConfigError, match=r"data.src_lang: required"):
        Settings.load(write(tmp_path, "data:\n")).config()


LIMITS = "training: {schedule: SCHEDULE, max_updates: 700, max_epochs: 9}\n"


@pytest.mark.parametrize(
    ("schedule", "planned"), [("inverse_sqrt", "linear"), ("constant", "linear"), ("cosine", "cosine")]
)
def test_minutes_that_are_typed_replace_the_length_and_the_schedule_of_the_recipe(
    tmp_path: Path, schedule: str, planned: str
) -> None:
    path = write(tmp_path, MINIMAL + LIMITS.replace("SCHEDULE", schedule))
    by_flag = Settings.load(path, flags={"training.max_minutes": 10.0})
    by_set = Settings.load(path, overrides=["training.max_minutes=10"])
    for settings in (by_flag, by_set, by_flag.for_corpus(10)[0]):
        training = settings.config().training
        assert (training.max_minutes, training.max_updates, training.max_epochs) == (10, None, None)
        assert training.schedule == planned
        assert "training.max_updates: null  # max_minutes" in settings.explain().splitlines()


def test_what_is_typed_beside_the_minutes_stays(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL + "training: {max_epochs: 9}\n")
    overrides = ["training.max_updates=500", "training.schedule=cosine"]
    training = Settings.load(path, overrides=overrides, flags={"training.max_minutes": 10}).config().training
    assert (training.max_updates, training.max_epochs, training.schedule) == (500, None, "cosine")
    with pytest.raises(ConfigError, match="schedule constant does not reach zero"):
        Settings.load(path, overrides=["training.schedule=constant"], flags={"training.max_minutes": 10}).config()


def test_minutes_of_the_recipe_replace_the_length_of_the_preset_alone(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL + "training: {max_minutes: 10, max_epochs: 9}\n")
    training = Settings.load(path).for_corpus(10)[0].config().training
    assert (training.max_updates, training.max_epochs, training.schedule) == (None, 9, "linear")
    assert training.learning_rate == 5e-3
    without = Settings.load(path, overrides=["training.max_minutes=null"]).for_corpus(10)[0].config().training
    assert (without.max_updates, without.schedule) == (10_000, "inverse_sqrt")


def test_a_run_by_time_makes_many_updates_unless_somebody_says_how_large_they_are(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL)

    def asked_for(*overrides: str, minutes: float | None = 10) -> int:
        flags = {} if minutes is None else {"training.max_minutes": minutes}
        return Settings.load(path, overrides=overrides, flags=flags).for_corpus(10)[0].config().training.min_updates

    assert asked_for() == 2_000
    assert asked_for("training.batch_tokens=3000") == 0
    assert asked_for("training.min_updates=50") == 50
    assert asked_for(minutes=None) == 0


def test_the_resolved_settings_of_a_run_by_time_repeat_it(tmp_path: Path) -> None:
    config = Settings.load(write(tmp_path, MINIMAL), flags={"training.max_minutes": 3}).for_corpus(10)[0].config()
    path = tmp_path / "resolved.yaml"
    path.write_text(dump_config(config))
    assert read_config(path) == config


@pytest.mark.parametrize(
    ("recipe", "overrides", "batch_tokens", "accumulate"),
    [
        ("batch_tokens: auto", [], 25_000, "auto"),
        ("{batch_tokens: auto, accumulate: 2}", [], 25_000, 2),
        ("batch_tokens: 3_000", ["training.batch_tokens=auto"], 25_000, "auto"),
        ("batch_tokens: auto", ["training.batch_tokens=3000"], 3_000, 1),
        ("accumulate: auto", ["training.batch_tokens=3000"], 3_000, "auto"),
    ],
)
def test_batches_may_be_left_to_the_preset_and_the_memory(
    tmp_path: Path, recipe: str, overrides: list[str], batch_tokens: int, accumulate: int | str
) -> None:
    text = f"{MINIMAL}model: {{preset: base}}\ntraining:\n  {recipe}\n".replace("\n  {", " {")
    settings = Settings.load(write(tmp_path, text), overrides=overrides)
    for resolved in (settings.before_corpus(), settings.for_corpus(10)[0]):
        training = resolved.config().training
        assert (training.batch_tokens, training.accumulate) == (batch_tokens, accumulate)
    (tmp_path / "again.yaml").write_text(dump_config(settings.before_corpus().config()))
    assert read_config(tmp_path / "again.yaml").training.accumulate == accumulate


def _numbers(schema: dict[str, Any], node: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every number of a schema that need not be whole, by its place."""
    if isinstance(node, list):
        for part in node:
            yield from _numbers(schema, part, place)
    if not isinstance(node, dict):
        return
    if "$ref" in node:
        yield from _numbers(schema, schema["$defs"][node["$ref"].rpartition("/")[2]], place)
    if node.get("type") == "number":
        yield place, node
    for key, part in node.items():
        if key == "properties":
            for name, setting in part.items():
                yield from _numbers(schema, setting, f"{place}.{name}")
        elif key in ("anyOf", "oneOf", "items", "prefixItems", "additionalProperties"):
            yield from _numbers(schema, part, place)


def test_every_number_has_a_least_and_a_greatest_value() -> None:
    schema = Config.model_json_schema()
    found = [*_numbers(schema, schema, "recipe")]
    for root in (CharactersStep, LanguageStep, RatioStep, ScoreStep):
        schema = root.model_json_schema()
        found += _numbers(schema, schema, root.__name__)
    assert len(found) > 30
    for place, number in found:
        assert {"minimum", "exclusiveMinimum"} & number.keys(), place
        assert {"maximum", "exclusiveMaximum"} & number.keys(), place


@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf", "1e308", "-1e308"])
@pytest.mark.parametrize(
    "setting",
    [
        *("decoding.length_penalty", "decoding.max_length_ratio", "training.learning_rate", "training.weight_decay"),
        *("training.adam_epsilon", "training.max_grad_norm", "training.max_minutes", "training.label_smoothing"),
        *("model.dropout", "data.mixing.temperature", "data.train.0.weight", "training.sampling.subword.alpha"),
        *("data.cleaning.max_ratio", "tokenizer.character_coverage", "training.adam_betas"),
    ],
)
def test_absurd_numbers_are_refused(tmp_path: Path, setting: str, value: str) -> None:
    given = f"[{value}, 0.5]" if setting.endswith("betas") else value
    if ".0." in setting:
        setting, given = "data.train", f"[{{src: a, tgt: b, weight: {value}}}]"
    with pytest.raises(ConfigError, match=r"must be|finite"):
        Settings.load(write(tmp_path, MINIMAL), overrides=[f"{setting}={given}"]).config()
