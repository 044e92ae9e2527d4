from pathlib import Path

import pytest

from mtkit.errors import ConfigError, DataError
from mtkit.settings.resolve import Settings, dump_config, read_config, recipe_name
from tests.settings.conftest import MINIMAL, write


def test_a_minimal_recipe_takes_every_default(tmp_path: Path) -> None:
    config = Settings.load(write(tmp_path, MINIMAL)).config()
    assert config.name == "my"
    assert config.model.d_model == 512
    assert config.data.train[0].src == "a.en"


@pytest.mark.parametrize(
    "content", ["One line.\nAnother line.\n", "He said: no: never.\n", "gr\xfcn\n", "long\n" * 1_000_001]
)
def test_a_text_file_in_the_place_of_a_recipe_is_shown_the_way(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.en"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"a\.en.*; of two text files name both: --src .*a\.en --tgt FILE$"):
        Settings.load(path)
    path = path.rename(tmp_path / "a.yaml")
    with pytest.raises(ConfigError) as error:
        Settings.load(path)
    assert "--src" not in str(error.value)


def test_a_missing_recipe_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none.yaml: No such file or directory"):
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
    ("schedule", "planned"), [("inverse_sqrt", "linear"), ("constant", "linear"), ("cosine", "cosine"), ("wsd", "wsd")]
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
