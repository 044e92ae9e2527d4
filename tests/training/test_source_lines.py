from pathlib import Path

import pytest

from mtkit.bundle.bundle import LINES
from mtkit.data.corpus.prepare import prepare
from mtkit.data.corpus.prepared import Prepared
from mtkit.settings.data import DataConfig
from mtkit.settings.tokenizer import TokenizerConfig
from mtkit.training.source_lines import noted_source_lines, source_lines

SRC = ["One.", "One two three.", "It is. It was.", "It is. It was. It will be."]
TGT = ["Eins.", "Eins zwei drei.", "Es ist. Es war.", "Es ist. Es war. Es wird sein."]


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    (tmp_path / "a.en").write_text("".join(f"{line}\n" for line in SRC))
    (tmp_path / "a.de").write_text("".join(f"{line}\n" for line in TGT))
    files = {"src": str(tmp_path / "a.en"), "tgt": str(tmp_path / "a.de"), "tags": ["<news>"]}
    data = {"src_lang": "en", "tgt_lang": "de", "train": files, "valid": files, "language_tags": "target"}
    return prepare(DataConfig.model_validate(data), TokenizerConfig(type="char", vocab_size=60), tmp_path / "prepared")


def test_lines_are_counted_by_their_tokens_and_sentences(prepared: Prepared) -> None:
    lines = source_lines(prepared)
    assert lines.n_lines == 4
    lengths = sorted(len(line) + 1 for line in SRC)  # characters, and the space before the first word
    assert lines.n_tokens == {"0.5": lengths[2], "0.9": lengths[3], "0.99": lengths[3], "0.999": lengths[3]} | {
        "1.0": lengths[3]
    }
    assert lines.sentences == [0.5, 0.25, 0, 0, 0, 0, 0]
    assert lines.usual_sentences == 3
    assert lines.tgt_per_src == pytest.approx((sum(map(len, TGT)) + 4) / (sum(map(len, SRC)) + 4))


def test_joined_pairs_have_the_sentences_of_both(prepared: Prepared) -> None:
    """Of 4 lines 2 have one sentence, 1 has two and 1 has three: two of them have 2 to 6, in 4, 4, 5, 2 and 1 of 16."""
    lines = source_lines(prepared, join=1.0)
    assert lines.sentences == [1.0, 12 / 16, 8 / 16, 3 / 16, 1 / 16, 0, 0]
    assert lines.usual_tokens == max(len(a) + len(b) + 2 for a, b in zip(SRC, [*SRC[1:], SRC[0]], strict=True))


def test_what_was_noted_is_not_looked_for_again(prepared: Prepared, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    noted = noted_source_lines(prepared, tmp_path / "run", join=0.0)
    assert noted_source_lines(prepared, tmp_path / "run", join=1.0) == noted
    (tmp_path / "run" / LINES).unlink()
    assert noted_source_lines(prepared, tmp_path / "run", join=1.0) != noted
