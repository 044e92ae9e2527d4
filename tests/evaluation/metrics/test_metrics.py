import csv
import math
import subprocess
import sys
from pathlib import Path
from urllib.error import URLError

import pytest
import sentencepiece

from mtkit.errors import ConfigError, DataError
from mtkit.evaluation.metrics.metrics import BleuDetails, Interval, Score, TerDetails, check_metrics, score
from mtkit.evaluation.metrics.scorers import bleu_tokenizer
from tests.evaluation.wmt import WMT17, read, system_path, wmt17_systems

HYP = ["The cat sat on the mat today.", "Nobody knows it, he said.", ""]
REFS = [
    ["The cat is on the mat today.", "Nobody knows that, he said.", "Yes."],
    ["A cat sat on the mat.", "No one knows it, said he.", "Indeed."],
]


def differences_from_published(corpora: Path, wanted: set[tuple[str, str, str]]) -> list[list[str]]:
    """Those of the wanted (pair, system, score) that do not come out as published."""
    directory = corpora / "wmt22-systems"
    wrong, n_checked = [], 0
    with (directory / "automatic-scores.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for row in rows:
        pair, system, published = row["pair"], row["system"], row["metric"]
        metric, _, which = published.partition("-")
        if (pair, system, published) not in wanted:
            continue
        n_checked += 1
        tgt_lang = pair.partition("-")[2]
        hyp = read(directory / f"system-outputs/generaltest2022.{pair}.hyp.{system}.{tgt_lang}.gz")
        letters = "BA" if which == "all" else which  # chrF breaks ties between references by their order
        refs = [read(directory / f"references/generaltest2022.{pair}.ref.{letter}.{tgt_lang}.gz") for letter in letters]
        (found,) = score(hyp, refs, [metric], tgt_lang=tgt_lang)
        if found.value != pytest.approx(float(row["score"]), abs=1e-6):
            wrong.append([pair, system, published, str(found.value), row["score"]])
    assert n_checked == len(wanted)
    return wrong


def test_published_scores_of_wmt22_are_reproduced(corpora: Path) -> None:
    sample = {("en-de", "OpenNMT", "bleu-A"), ("en-zh", "DLUT", "bleu-A")}
    assert differences_from_published(corpora, sample) == []


@pytest.mark.slow
def test_published_scores_against_each_reference_and_both_are_reproduced(corpora: Path) -> None:
    systems = [("en-de", "Online-G"), ("en-zh", "GTCOM")]
    metrics = ["bleu-A", "bleu-B", "bleu-all", "chrf-A", "chrf-B", "chrf-all"]
    everything = {(*system, metric) for system in systems for metric in metrics}
    assert differences_from_published(corpora, everything) == []


@pytest.mark.parametrize(
    ("metric", "flags"),
    [
        ("bleu", ["-m", "bleu"]),
        ("chrf", ["-m", "chrf"]),
        ("chrf++", ["-m", "chrf", "--chrf-word-order", "2"]),
        ("ter", ["-m", "ter"]),
    ],
)
def test_value_and_signature_are_those_of_the_sacrebleu_command(metric: str, flags: list[str], tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("hyp", "ref1", "ref2")]
    for path, lines in zip(paths, [HYP, *REFS], strict=True):
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    hyp, *refs = map(str, paths)
    command = [sys.executable, "-m", "sacrebleu", *refs, "-i", hyp, *flags, "-w", "6", "-f", "text"]
    oracle = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    (found,) = score(HYP, REFS, [metric])
    assert oracle.startswith(f"{found.name}|{found.signature} = {found.value:.6f}")


def test_known_scores_of_wmt17_systems_are_reproduced(corpora: Path) -> None:
    ref = read(corpora / WMT17 / "reference.txt.gz")
    known = {"LIUM-NMT": (21.6098, 55.9284), "C-3MA": (17.7248, 51.9533), "uedin-nmt": (23.3868, 57.7227)}
    for system, values in known.items():
        found = score(read(system_path(corpora, system)), [ref], ["bleu", "chrf"], tokenize="none")
        assert [each.value for each in found] == pytest.approx(values, abs=5e-5)


@pytest.mark.slow
def test_all_published_scores_of_wmt22_are_reproduced(corpora: Path) -> None:
    with (corpora / "wmt22-systems/automatic-scores.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    wanted = {(r["pair"], r["system"], r["metric"]) for r in rows if r["metric"] in ("bleu-A", "chrf-A")}
    assert len({(pair, system) for pair, system, _ in wanted}) == 22
    assert differences_from_published(corpora, wanted) == []


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["bleu", "chrf", "ter"])
def test_all_outputs_of_wmt17_score_as_the_sacrebleu_command_says(metric: str, corpora: Path, tmp_path: Path) -> None:
    systems = wmt17_systems(corpora)
    if metric == "ter":
        systems = systems[:4]  # a minute each
    assert len(systems) == (4 if metric == "ter" else 16)
    ref = read(corpora / WMT17 / "reference.txt.gz")
    (tmp_path / "ref").write_text("".join(f"{line}\n" for line in ref), encoding="utf-8")
    for system in systems:
        hyp = read(system_path(corpora, system))
        (tmp_path / "hyp").write_text("".join(f"{line}\n" for line in hyp), encoding="utf-8")
        command = [sys.executable, "-m", "sacrebleu", "ref", "-i", "hyp", "-m", metric, "-w", "6", "-f", "text"]
        oracle = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
        (found,) = score(hyp, [ref], [metric])
        assert oracle.startswith(f"{found.name}|{found.signature} = {found.value:.6f}"), system


def test_exact_match_counts_lines_that_equal_any_reference() -> None:
    hyp, refs = ["Yes. ", "no", "A", "b"], [["Yes.", "No", "a", "x"], ["Ja.", "No.", "A", "y"]]
    (found,) = score(hyp, refs, ["exact"])
    assert (found.value, found.higher_is_better) == (50, True)
    assert found.signature.startswith("nrefs:2|case:mixed|")
    assert score(hyp, refs, ["exact"], lowercase=True)[0].value == 75


def test_length_ratio_is_in_characters_against_the_mean_of_the_references() -> None:
    (found,) = score(["ab", "cd"], [["abc", "def"], ["ab", "cd"]], ["length"])
    assert found.value == pytest.approx(4 / 5)
    assert found.higher_is_better is None
    assert score(["a"], [[""]], ["length"])[0].value == 0


def test_spbleu_without_network_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sacrebleu.tokenizers.tokenizer_spm.SACREBLEU_DIR", str(tmp_path))

    def refuse(url: str) -> None:
        raise URLError(f"no route to {url.partition(':')[0]}")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    with pytest.raises(ConfigError, match=r"flores200 cannot be downloaded .*no route.*: needed once, with network"):
        score(HYP, REFS, ["spbleu"])


def test_interval_is_stored_and_one_without_bounds_left_out() -> None:
    stored = Score("chrf", "chrF2", 50.0, "nrefs:1", interval=Interval(48.0, 53.0, 50.5, 1_000))
    plain = stored.as_json()
    assert Score.from_json(plain) == stored
    assert plain["confidence"] == {"low": 48.0, "high": 53.0, "mean": 50.5, "n_samples": 1_000, "half_width": 2.5}
    older = plain | {"confidence": {"mean": 50.5, "half_width": 2.5, "n_samples": 1_000}}
    assert Score.from_json(older) == Score("chrf", "chrF2", 50.0, "nrefs:1")


def test_spbleu_cuts_by_sentencepiece_and_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With a small model in the place of the one that would be downloaded."""
    (tmp_path / "text").write_text("".join(f"{line} {n}\n" for n, line in enumerate([*REFS[0], *HYP] * 5)))
    (tmp_path / "models").mkdir()
    sentencepiece.SentencePieceTrainer.train(
        input=str(tmp_path / "text"), model_prefix=str(tmp_path / "m"), vocab_size=40, minloglevel=2
    )
    (tmp_path / "m.model").rename(tmp_path / "models" / "flores200sacrebleuspm")
    monkeypatch.setattr("sacrebleu.tokenizers.tokenizer_spm.SACREBLEU_DIR", str(tmp_path))
    (found,) = score(HYP, REFS, ["spbleu"])
    assert found.name == "spBLEU"
    assert "tok:flores200" in found.signature
    assert Score.from_json(found.as_json()) == found
    assert isinstance(found.details, BleuDetails)
    assert found.details.hyp_length > sum(len(line.split()) for line in HYP)


def test_ter_takes_so_long_that_it_is_computed_only_if_it_is_asked_for() -> None:
    assert [s.metric for s in score(HYP, REFS)] == ["bleu", "chrf"]


def test_scores_come_in_the_order_asked_for_and_each_once() -> None:
    assert [s.metric for s in score(HYP, REFS, ["ter", "bleu", "ter"])] == ["ter", "bleu"]


def test_perfect_output_scores_100_and_needs_no_edits() -> None:
    values = {s.metric: s.value for s in score(REFS[0], [REFS[0]], ["bleu", "chrf", "chrf++", "ter"])}
    assert values == pytest.approx({"bleu": 100, "chrf": 100, "chrf++": 100, "ter": 0})


def test_lower_is_better_for_ter_alone() -> None:
    better = score(["a b c d e f"], [["a b c d e f"]], ["bleu", "chrf", "chrf++", "ter"])
    worse = score(["a b c d x f"], [["a b c d e f"]], ["bleu", "chrf", "chrf++", "ter"])
    assert [s.higher_is_better for s in better] == [True, True, True, False]
    for b, w in zip(better, worse, strict=True):
        assert b.value != w.value
        assert (b.value > w.value) == b.higher_is_better


def test_bleu_is_worked_out_by_hand() -> None:
    """Eight of ten reference words, in order: every n-gram of the output matches, and the output is too short."""
    (found,) = score(["a b c d e f g h"], [["a b c d e f g h i j"]], ["bleu"])
    assert found.value == pytest.approx(100 * math.exp(1 - 10 / 8))
    assert found.details == BleuDetails(
        brevity_penalty=math.exp(1 - 10 / 8),
        length_ratio=0.8,
        hyp_length=8,
        ref_length=10,
        precisions=(100.0, 100.0, 100.0, 100.0),
    )


def test_long_output_has_no_brevity_penalty() -> None:
    (found,) = score(["a b c d e f"], [["a b c d"]], ["bleu"])
    assert isinstance(found.details, BleuDetails)
    assert (found.details.brevity_penalty, found.details.length_ratio) == (1.0, 1.5)
    assert found.details.precisions == pytest.approx((100 * 4 / 6, 100 * 3 / 5, 100 * 2 / 4, 100 * 1 / 3))


def test_ter_counts_edits_per_reference_word() -> None:
    """One substitution and one insertion against four words."""
    (found,) = score(["a x c d e"], [["a b c d"]], ["ter"])
    assert found.value == pytest.approx(100 * 2 / 4)
    assert found.details == TerDetails(n_edits=2, ref_length=4)


def test_case_counts_unless_lowercase_is_asked_for() -> None:
    def values(*, lowercase: bool) -> list[float]:
        return [s.value for s in score(["A B C D E"], [["a b c d e"]], ["bleu", "chrf"], lowercase=lowercase)]

    assert values(lowercase=False) == [0, 0]
    assert values(lowercase=True) == pytest.approx([100, 100])


def test_empty_output_scores_zero() -> None:
    bleu, chrf, ter = score(["", ""], [["a b c", "d"]], ["bleu", "chrf", "ter"])
    assert (bleu.value, chrf.value, ter.value) == (0, 0, 100)


def test_empty_references_are_scored_without_a_division_by_zero() -> None:
    bleu, chrf, ter = score(["a b", ""], [["", ""]], ["bleu", "chrf", "ter"])
    assert (bleu.value, chrf.value, ter.value) == (0, 0, 100)
    assert isinstance(bleu.details, BleuDetails)
    assert bleu.details.length_ratio == 0


@pytest.mark.parametrize(
    ("tgt_lang", "tokenize", "expected"),
    [
        ("de", None, "13a"),
        (None, None, "13a"),
        ("zh", None, "zh"),
        ("zh_Hant-TW", None, "zh"),
        ("ZH", None, "zh"),
        ("ja", None, "ja-mecab"),
        ("ko", None, "ko-mecab"),
        ("zh", "char", "char"),
        ("th", None, "char"),
        ("khm", None, "char"),
        ("ja", "none", "none"),
    ],
)
def test_tokenizer_suits_the_language(tgt_lang: str | None, tokenize: str | None, expected: str) -> None:
    assert bleu_tokenizer(tgt_lang, tokenize) == expected


def test_chinese_is_cut_into_characters_for_bleu_and_ter() -> None:
    hyp, ref = ["今天天气很好"], [["今天天气真好"]]
    bleu, ter = score(hyp, ref, ["bleu", "ter"], tgt_lang="zh")
    assert isinstance(bleu.details, BleuDetails)
    assert bleu.details.ref_length == 6
    assert ter.value == pytest.approx(100 / 6)
    assert "tok:zh" in bleu.signature
    assert "asian:yes" in ter.signature


def test_signature_counts_the_references_and_names_the_tokenizer() -> None:
    (found,) = score(HYP, REFS, ["bleu"], tokenize="char")
    assert found.signature.startswith("nrefs:2|case:mixed|eff:no|tok:char|smooth:exp|version:")


def test_scoring_is_quiet(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    tokenised = ["It is so ."] * 150
    score(tokenised, [tokenised], ["bleu", "chrf"], tgt_lang="zh", tokenize="13a")
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


def test_unknown_metric_is_named_with_what_was_meant() -> None:
    with pytest.raises(
        ConfigError, match=r"unknown metric 'chrff': did you mean chrf\? There are bleu, chrf, chrf\+\+"
    ):
        check_metrics(["bleu", "chrff"])


def test_unknown_tokenizer_is_named_with_what_was_meant() -> None:
    with pytest.raises(ConfigError, match=r"unknown tokenizer '13': did you mean 13a\? There are none, zh, 13a"):
        check_metrics(["bleu"], tokenize="13")


@pytest.mark.parametrize(("tgt_lang", "module", "extra"), [("ja", "MeCab", "ja"), ("ko", "mecab_ko", "ko")])
def test_missing_tokenizer_names_the_package(
    tgt_lang: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # an import of it then fails
    monkeypatch.delitem(sys.modules, f"sacrebleu.tokenizers.tokenizer_{tgt_lang}_mecab", raising=False)
    with pytest.raises(ConfigError, match=rf"{tgt_lang}-mecab is not installed: pip install 'sacrebleu\[{extra}\]'"):
        check_metrics(["bleu"], tgt_lang=tgt_lang)


@pytest.mark.parametrize(("tgt_lang", "module", "extra"), [("ja", "MeCab", "ja"), ("ko", "mecab_ko", "ko")])
def test_scores_count_characters_where_a_tokenizer_is_missing(
    tgt_lang: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, f"sacrebleu.tokenizers.tokenizer_{tgt_lang}_mecab", raising=False)
    for _ in range(2):
        [bleu] = score(["庭に猫がいます"], [["家に猫がいます"]], ["bleu"], tgt_lang=tgt_lang)
        assert "tok:char" in bleu.signature
        assert isinstance(bleu.details, BleuDetails)
        assert bleu.details.ref_length == 7
    assert [f"pip install 'sacrebleu[{extra}]'" in message for message in caplog.messages] == [True]
    with pytest.raises(ConfigError, match=f"{tgt_lang}-mecab is not installed"):
        score(["a"], [["a"]], ["bleu"], tgt_lang=tgt_lang, tokenize=f"{tgt_lang}-mecab")


def test_missing_tokenizer_does_not_matter_without_bleu() -> None:
    assert check_metrics(["chrf", "ter"], tgt_lang="ja") == ("chrf", "ter")


def test_unequal_numbers_of_lines_are_refused() -> None:
    with pytest.raises(DataError, match=r"the output has 2 lines but reference 2 has 1"):
        score(["a", "b"], [["a", "b"], ["a"]])


@pytest.mark.parametrize(("hyp", "refs", "message"), [([], [[]], "no lines"), (["a"], [], "no reference")])
def test_nothing_to_score_is_refused(hyp: list[str], refs: list[list[str]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        score(hyp, refs)
