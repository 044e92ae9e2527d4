"""Models that transformers made, imported: the same tokens, the same logits, the same translations."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from mtkit.bundle.bundle import Bundle, load_bundle
from mtkit.cli import app
from mtkit.search.beam import beam_search
from mtkit.search.hypothesis import SearchOptions
from tests.oracles.foreign import MAKERS, odd_lines

pytest.importorskip("transformers")

_LANGUAGES = {"m2m100": ("en", "de"), "nllb": ("eng_Latn", "deu_Latn"), "mbart": ("en_XX", "de_DE")}
_LANGUAGES |= {"marian-tags": ("en", "deu"), "madlad": ("en", "de"), "t5-v1.0": ("en", "de")}
_BEFORE = {"marian-tags": ">>deu<< ", "madlad": "<2de> ", "t5-v1.0": "translate English to German: "}
"""What is typed before a text for transformers."""


def imported(source: Path, output: Path, *options: str) -> Bundle:
    """The bundle that the command makes."""
    with pytest.raises(SystemExit) as ended:
        app(["import", str(source), "-o", str(output), *options])
    assert ended.value.code == 0
    return load_bundle(output)


@dataclass(frozen=True)
class Case:
    """A model of transformers' and what was made of it."""

    kind: str
    source: Path
    bundle: Bundle
    theirs: Any
    tokenizer: Any

    @property
    def src_prefix(self) -> list[int]:
        """Ids before a source."""
        languages = self.bundle.tokenizer.languages
        src, tgt = _LANGUAGES.get(self.kind, ("", ""))
        return [] if languages is None else [*languages.source.get(src, ()), *languages.target.get(tgt, ())]

    @property
    def forced(self) -> list[int]:
        """Ids that a target begins with."""
        languages = self.bundle.tokenizer.languages
        return [] if languages is None else list(languages.forced.get(_LANGUAGES[self.kind][1], ()))

    def sources(self, lines: list[str]) -> list[list[int]]:
        """Ids of sources as mtkit gives them to a model."""
        eos = self.bundle.tokenizer.special.eos
        return [[*self.src_prefix, *ids, eos] for ids in self.bundle.tokenizer.encode_src(lines)]


@pytest.fixture(scope="module", params=MAKERS)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Each kind of model."""
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    kind = request.param
    directory = tmp_path_factory.mktemp(kind)
    source = MAKERS[kind](directory / "source")
    bundle = imported(source, directory / "bundle", *([] if kind in _LANGUAGES else ["-s", "en", "-t", "de"]))
    src, tgt = _LANGUAGES.get(kind, (None, None))
    told = {"src_lang": src, "tgt_lang": tgt} if kind in ("m2m100", "nllb", "mbart") else {}
    theirs = AutoModelForSeq2SeqLM.from_pretrained(source).eval()
    return Case(kind, source, bundle, theirs, AutoTokenizer.from_pretrained(source, **told))


def padded(rows: list[list[int]], pad: int) -> torch.Tensor:
    width = max(map(len, rows))
    return torch.tensor([row + [pad] * (width - len(row)) for row in rows])


def _lines(case: Case) -> list[str]:
    """Without those of unknown characters for MADLAD, whose number of them transformers does not read from the file."""
    lines, tokenizer = odd_lines(), case.bundle.tokenizer
    return [line for line in lines if case.kind != "madlad" or not tokenizer.src_unknown(line)]


def test_tokens_are_the_same(case: Case) -> None:
    lines = _lines(case)
    assert len(lines) > 450
    expected = [case.tokenizer(_BEFORE.get(case.kind, "") + line).input_ids for line in lines]
    different = [line for line, mine, other in zip(lines, case.sources(lines), expected, strict=True) if mine != other]
    assert different == []


def test_targets_are_the_same_and_read_back(case: Case) -> None:
    lines = _lines(case)
    special = case.bundle.tokenizer.special
    expected = [case.tokenizer(text_target=line).input_ids for line in lines]
    mine = [[*case.forced, *ids, special.eos] for ids in case.bundle.tokenizer.encode_tgt(lines)]
    assert [line for line, a, b in zip(lines, mine, expected, strict=True) if a != b] == []
    first = len(case.forced)  # that of M2M-100 is shown by its own tokenizer
    known = [ids[first:] for ids in expected if special.unk not in ids]  # it leaves out what is unknown, too
    assert len(known) > 100
    theirs = [case.tokenizer.decode(ids, skip_special_tokens=True).strip() for ids in known]
    texts = [text.strip() for text in case.bundle.tokenizer.decode(known)]
    assert [(a, b) for a, b in zip(texts, theirs, strict=True) if a != b] == []


def test_logits_are_the_same(case: Case) -> None:
    # in float64, so that nothing but the model itself can make them differ
    special = case.bundle.tokenizer.special
    src = padded(case.sources(odd_lines()[:30]), special.pad)
    generator = torch.Generator().manual_seed(0)
    rest = torch.randint(4, 300, (30, 12), generator=generator)
    tgt_in = torch.cat([torch.tensor([[special.start, *case.forced]]).expand(30, -1), rest], dim=1)
    model, other = case.bundle.build_model().double(), copy.deepcopy(case.theirs).double()
    mask = src == special.pad
    with torch.inference_mode():
        theirs = other(input_ids=src, attention_mask=(~mask).long(), decoder_input_ids=tgt_in).logits
        mine = model.project(model(src, tgt_in, mask))
        state = model.start(model.encode(src, mask))
        steps = torch.stack([model.project(model.step(column, state)) for column in tgt_in.T], dim=1)
    scale = float(theirs.abs().max())
    assert scale > 3
    assert float((mine - theirs).abs().max()) < 1e-5 * scale
    assert float((steps - theirs).abs().max()) < 1e-5 * scale


def test_greedy_translations_are_the_same(case: Case) -> None:
    special = case.bundle.tokenizer.special
    src = padded(case.sources(odd_lines()[:40]), special.pad)
    banned = [[number] for number in special.never]
    forced = {"forced_bos_token_id": case.forced[0]} if case.forced else {}
    length = 20
    longest = length + len(case.forced)  # what a target begins with counts, here and there
    with torch.inference_mode():
        generated = case.theirs.generate(
            input_ids=src,
            attention_mask=(src != special.pad).long(),
            num_beams=1,
            do_sample=False,
            max_new_tokens=longest,
            bad_words_ids=banned,
            forced_eos_token_id=None,
            use_cache=False,  # that of T5 in transformers 5.24 has as many layers as the encoder
            **forced,
        ).tolist()
        found = beam_search(
            case.bundle.build_model(),
            src,
            SearchOptions(1, 1, 1.0, 0.0, longest),
            special=special,
            max_length=100,
            tgt_prefix=case.forced,
        )
    first = 1 + len(case.forced)
    expected = [ids[first:] for ids in generated]
    expected = [ids[: ids.index(special.eos)] if special.eos in ids else ids[:length] for ids in expected]
    assert [each[0].ids for each in found] == expected
