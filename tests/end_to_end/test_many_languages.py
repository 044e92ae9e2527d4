"""One model, several directions: prepared, trained, scored and asked to translate, with tags from one recipe."""

import json
import random
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mtkit.bundle.bundle import load_bundle
from mtkit.cli import app
from mtkit.data.corpus.prepare import prepare
from mtkit.data.corpus.prepared import Prepared
from mtkit.forced.aligner import Aligner
from mtkit.forced.scorer import Scorer
from mtkit.settings.resolve import Settings
from mtkit.training.run import train
from mtkit.translation.test_sets import held_out_sets
from tests.conftest import ToyTask

LETTERS = {"num": "0123456789", "abc": "abcdefghij", "xyz": "klmnopqrst"}
DIRECTIONS = [("num", "abc"), ("num", "xyz"), ("abc", "num")]


def written_in(language: str, digits: str) -> str:
    return " ".join(LETTERS[language][int(digit)] for digit in digits)


@pytest.fixture(scope="module")
def settings(toy_task: ToyTask, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Numbers written in three scripts; what is asked for stands in the tags alone."""
    folder = tmp_path_factory.mktemp("languages")
    draw = random.Random(1)
    numbers = sorted({"".join(draw.choices("0123456789", k=draw.randint(2, 6))) for _ in range(600)})
    draw.shuffle(numbers)
    sources: dict[str, list[dict[str, str]]] = {}
    for split, part in (("train", numbers[:500]), ("valid", numbers[500:510]), ("test", numbers[510:530])):
        for src_lang, tgt_lang in DIRECTIONS:
            source = {"src_lang": src_lang, "tgt_lang": tgt_lang, "name": f"{split}-{src_lang}-{tgt_lang}"}
            for side, language in (("src", src_lang), ("tgt", tgt_lang)):
                path = folder / f"{split}.{src_lang}-{tgt_lang}.{language}"
                path.write_text("".join(f"{written_in(language, number)}\n" for number in part))
                source[side] = str(path)
            sources.setdefault(split, []).append(source)
    return toy_task.recipe(
        data__prepared=str(folder / "prepared"),
        data__train=sources["train"],
        data__valid=sources["valid"],
        data__test=sources["test"],
        data__language_tags="both",
        tokenizer__vocab_size=None,  # as many as there are
        training__max_updates=1_200,
        training__batch_tokens=400,
        training__schedule="linear",
        training__early_stopping={"metric": "loss"},
        model__dropout=0.0,
        training__validate_every=400,
        training__save_every=400,
    )


@pytest.fixture(scope="module")
def prepared(settings: Settings) -> Prepared:
    config = settings.before_corpus().config()
    return prepare(config.data, config.tokenizer, config.prepared_directory)


def test_tags_stand_before_every_source_as_one_piece_each(prepared: Prepared) -> None:
    expected = {"num-abc": ["<num>", "<2abc>"], "num-xyz": ["<num>", "<2xyz>"], "abc-num": ["<abc>", "<2num>"]}
    store, tokenizer = prepared.store("train"), prepared.tokenizer
    assert [source["tags"] for source in prepared.manifest.of_place("train")] == list(expected.values())
    for row in range(0, len(store), 100):
        corpus = int(store.corpora()[row])
        tokens = tokenizer.src_tokens(store.src_ids(row).tolist())
        assert tokens[:2] == list(expected.values())[corpus]
        assert [token.removeprefix("▁") for token in tokens[2:]] == store.src_text(row, row + 1)[0].split()
    for name, tags in expected.items():
        test = prepared.store(f"test/test-{name}")
        assert tokenizer.src_tokens(test.src_ids(3).tolist())[:2] == tags


@pytest.fixture(scope="module")
def run_dir(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("runs") / "run"
    scores = train(settings, directory).scores
    assert set(scores) == {f"test-{src}-{tgt}" for src, tgt in DIRECTIONS}
    assert min(score.value for of_set in scores.values() for score in of_set.scores if score.metric == "chrf") > 95
    return directory


@pytest.mark.slow
class TestTrained:
    def translate(self, run_dir: Path, tmp_path: Path, lines: list[str], *options: str) -> Result:
        source = tmp_path / "source"
        source.write_text("".join(f"{line}\n" for line in lines))
        return CliRunner().invoke(app, ["translate", "-m", str(run_dir), "-i", str(source), "--quiet", *options])

    @pytest.mark.parametrize(("src_lang", "tgt_lang"), DIRECTIONS)
    def test_the_tags_decide_what_comes_out(self, run_dir: Path, tmp_path: Path, src_lang: str, tgt_lang: str) -> None:
        numbers = ["4071", "93", "55280", "123456"]
        lines = [written_in(src_lang, number) for number in numbers]
        done = self.translate(run_dir, tmp_path, lines, "--src-lang", src_lang, "--tgt-lang", tgt_lang)
        expected = [written_in(tgt_lang, number) for number in numbers]
        assert sum(a == b for a, b in zip(done.stdout.splitlines(), expected, strict=True)) >= 3, done.stdout

    def test_one_language_is_enough_where_it_decides(self, run_dir: Path, tmp_path: Path) -> None:
        for options, language in ((["--tgt-lang", "xyz"], "xyz"), ([], "abc"), (["--src-lang", "abc"], "num")):
            src_lang = "abc" if language == "num" else "num"
            done = self.translate(run_dir, tmp_path, [written_in(src_lang, "4071")], *options)
            assert set(done.stdout.split()) <= set(LETTERS[language]), (options, done.stdout)

    def test_an_unknown_language_is_one_line_with_those_that_are_known(self, run_dir: Path, tmp_path: Path) -> None:
        done = self.translate(run_dir, tmp_path, ["1 2"], "--tgt-lang", "fr")
        assert "--tgt-lang fr" in str(done.exception)
        assert str(done.exception).endswith("it knows abc, xyz, num")

    def test_a_checkpoint_and_a_finished_run_are_evaluated_with_their_tags(self, run_dir: Path) -> None:
        for model in (run_dir, run_dir / "last"):
            assert [len(held.prefix) for held in held_out_sets(load_bundle(model))] == [2, 2, 2]
        done = CliRunner().invoke(app, ["evaluate", "-m", str(run_dir), "--metrics", "chrf", "--json"])
        scores = [report["scores"]["chrf"]["value"] for report in json.loads(done.stdout)["test_sets"]]
        assert min(scores) > 95

    def test_given_translations_are_scored_and_aligned_under_the_tags(self, run_dir: Path) -> None:
        number = written_in("num", "4071")
        as_abc, as_xyz = (
            Scorer.load(run_dir, device="cpu", threads=1, src_lang="num", tgt_lang=language)
            for language in ("abc", "xyz")
        )
        (right,) = as_abc.score([number], [written_in("abc", "4071")])
        (wrong,) = as_xyz.score([number], [written_in("abc", "4071")])
        assert right is not None
        assert wrong is not None
        assert right.log_prob > wrong.log_prob + 5
        aligner = Aligner.load(run_dir, device="cpu", threads=1, src_lang="num", tgt_lang="abc")
        by_choice = aligner.align_by_all([number], [written_in("abc", "4071")])
        best = max(len((found[0] or set()) & {(i, i) for i in range(4)}) for found in by_choice.values())
        assert best >= 3
