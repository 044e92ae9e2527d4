"""Small models of every family, made with transformers and saved as it saves them, so that they decide something."""

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import sentencepiece
import torch

ROOT = Path(__file__).parents[2]
_TEXTS = [ROOT / "data" / name for name in ("train.en", "train.de")]
_SHAPE = {
    "d_model": 64,
    "encoder_layers": 2,
    "decoder_layers": 3,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 96,
    "decoder_ffn_dim": 96,
    "max_position_embeddings": 128,
}
_T5 = {"d_model": 64, "d_ff": 96, "num_layers": 2, "num_decoder_layers": 3, "num_heads": 4, "decoder_start_token_id": 0}
NLLB_CODES = ["eng_Latn", "deu_Latn", "fra_Latn", "zul_Latn"]


def odd_lines() -> list[str]:
    """500 sentences and lines with characters that tokenizers treat in their own ways."""
    plain = [line for path in ("test.en", "test.de") for line in (ROOT / "data" / path).read_text("utf-8").splitlines()]
    odd = [
        "Ünïcödé ﬁ ① ½ …",
        "日本語",
        "emoji 😀 x",
        "1,234.50 €",
        "ﬀ…  —",
        "e\u0301",
        "\u200bzero",
        "Straße",
        "tab\there",
    ]
    odd += [
        "don\u2019t",
        "two  spaces",
        "A",
        "42",
        "ÄÖÜ",
        "%$§&|",
        '"quoted" ‘so’',
        "http://example.org/a?b=c",
        "ａｂｃ",
    ]
    odd += ["中文 mixed with English", "Ⅷ", "ﷺ", "--- ...", "x²+y²", "a" * 60, "¿Qué?"]
    return plain[: 500 - len(odd)] + odd


def trained_spm(path: Path, texts: Iterable[Path], size: int, **options: Any) -> Path:
    """A SentencePiece model of some of the sample corpus."""
    lines = [line for text in texts for line in text.read_text(encoding="utf-8").splitlines()[:4000]]
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter(lines),
        model_prefix=str(path.with_suffix("")),
        vocab_size=size,
        minloglevel=2,
        hard_vocab_limit=False,
        character_coverage=1.0,
        **options,
    )
    return path.with_suffix(".model")


def spm_pieces(path: Path) -> list[str]:
    """The pieces of a SentencePiece model."""
    processor = sentencepiece.SentencePieceProcessor()
    processor.Load(str(path))
    found: list[str] = processor.id_to_piece(list(range(processor.get_piece_size())))
    return found


def _decided(model: Any, pad: int) -> Any:
    """Weights so far apart that no two tokens are nearly as likely; the row of padding is zero, as trained ones are."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() > 1 and not any(part in name for part in ("embed", "shared", "lm_head")):
                weight.mul_(5)
            elif "embed_tokens" in name or "shared" in name:
                weight.normal_(0, 0.12)
                weight[pad] = 0
            elif "norm" in name:
                weight.add_(torch.randn_like(weight) * 0.1)
        for name, buffer in model.named_buffers():
            if "final_logits_bias" in name:
                buffer.normal_(0, 0.5)
    return model.eval()


def marian(directory: Path, *, apart: bool = False, tags: tuple[str, ...] = (), lacking: bool = False) -> Path:
    """OPUS-MT: with one vocabulary or ``apart``, with tags of languages, with pieces that the vocabulary lacks."""
    from transformers import MarianConfig, MarianMTModel, MarianTokenizer

    directory.mkdir()
    torch.manual_seed(1)
    sides = []
    for name, text in zip(("source", "target"), _TEXTS, strict=True):
        made = trained_spm(directory / name, [text], 600)
        sides.append([piece for piece in spm_pieces(made) if piece not in ("<unk>", "<s>", "</s>")])
        made.rename(directory / f"{name}.spm")
        (directory / f"{name}.vocab").unlink()

    frequent = {piece for side in sides for piece in side[:100]}  # else nearly every line has something unknown

    def numbered(pieces: list[str]) -> dict[str, int]:
        some = [each for n, each in enumerate(dict.fromkeys(pieces)) if not lacking or n % 17 or each in frequent]
        # the end is the last but one where there are tags: models have it at any place
        order = ["<unk>", *tags, *some, "</s>"] if tags else ["</s>", "<unk>", *some]
        return {piece: number for number, piece in enumerate([*order, "<pad>"])}

    vocabularies = [numbered(side) for side in sides] if apart else [numbered([*sides[0], *sides[1]])] * 2
    for name, vocabulary in zip(("vocab", "target_vocab"), vocabularies, strict=True):
        if name == "vocab" or apart:
            (directory / f"{name}.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    src, tgt = vocabularies
    files = {"source_spm": "source.spm", "target_spm": "target.spm", "vocab": "vocab.json"}
    files |= {"target_vocab_file": "target_vocab.json"} if apart else {}
    tokenizer = MarianTokenizer(
        **{key: str(directory / name) for key, name in files.items()},
        separate_vocabs=apart,
        source_lang="en",
        target_lang="de",
    )
    config = MarianConfig(
        **_SHAPE,
        vocab_size=len(src),
        decoder_vocab_size=len(tgt),
        activation_function="swish",
        scale_embedding=True,
        pad_token_id=tgt["<pad>"],
        decoder_start_token_id=tgt["<pad>"],
        eos_token_id=tgt["</s>"],
        forced_eos_token_id=tgt["</s>"],
        share_encoder_decoder_embeddings=not apart,
    )
    _decided(MarianMTModel(config), tgt["<pad>"]).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


def m2m100(directory: Path) -> Path:
    """M2M-100: its languages are in no file but by their number."""
    from transformers import M2M100Config, M2M100ForConditionalGeneration, M2M100Tokenizer

    directory.mkdir()
    spm = trained_spm(directory / "sentencepiece.bpe", _TEXTS, 700, model_type="bpe")
    spm.rename(directory / "sentencepiece.bpe.model")
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *spm_pieces(directory / "sentencepiece.bpe.model")[3:]]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    (directory / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    files = [str(directory / name) for name in ("vocab.json", "sentencepiece.bpe.model")]
    tokenizer = M2M100Tokenizer(*files, src_lang="en", tgt_lang="de")
    torch.manual_seed(5)
    config = M2M100Config(**_SHAPE, vocab_size=len(pieces) + 100 + 8)
    _decided(M2M100ForConditionalGeneration(config), 1).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


def nllb(directory: Path) -> Path:
    """NLLB-200, with four languages."""
    from transformers import M2M100Config, M2M100ForConditionalGeneration, NllbTokenizer

    _fairseq(directory, "NllbTokenizer", "bpe", "eng_Latn", "deu_Latn")
    tokenizer = NllbTokenizer.from_pretrained(
        directory, src_lang="eng_Latn", tgt_lang="deu_Latn", additional_special_tokens=NLLB_CODES
    )
    torch.manual_seed(6)
    config = M2M100Config(**_SHAPE, vocab_size=len(tokenizer) + 2)
    _decided(M2M100ForConditionalGeneration(config), 1).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


def mbart(directory: Path) -> Path:
    """mBART-50."""
    from transformers import MBart50Tokenizer, MBartConfig, MBartForConditionalGeneration

    _fairseq(directory, "MBart50Tokenizer", "unigram", "en_XX", "de_DE")
    tokenizer = MBart50Tokenizer.from_pretrained(directory, src_lang="en_XX", tgt_lang="de_DE", bos_token="<s>")
    torch.manual_seed(7)
    config = MBartConfig(
        **_SHAPE,
        vocab_size=len(tokenizer),
        activation_function="gelu",
        scale_embedding=True,
        decoder_start_token_id=2,
    )
    model = MBartForConditionalGeneration(config)
    model = _decided(model, 1)
    model.final_logits_bias.zero_()
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


def _fairseq(directory: Path, tokenizer: str, algorithm: str, src: str, tgt: str) -> None:
    directory.mkdir()
    spm = trained_spm(directory / "sentencepiece.bpe", _TEXTS, 700, model_type=algorithm)
    spm.rename(directory / "sentencepiece.bpe.model")
    told = {"tokenizer_class": tokenizer, "src_lang": src, "tgt_lang": tgt}
    (directory / "tokenizer_config.json").write_text(json.dumps(told), encoding="utf-8")
    (directory / "config.json").write_text(json.dumps({"model_type": "mbart"}), encoding="utf-8")


def t5(directory: Path, kind: str) -> Path:
    """T5 of one ``kind``: v1.0, v1.1, mt5, madlad or byt5."""
    from transformers import ByT5Tokenizer, MT5Config, MT5ForConditionalGeneration, T5Config, T5ForConditionalGeneration

    directory.mkdir()
    torch.manual_seed(3)
    own: dict[str, Any] = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False, "d_kv": 24}
    if kind == "v1.0":
        tasks = {"translation_en_to_de": {"prefix": "translate English to German: ", "num_beams": 4}}
        own = {"feed_forward_proj": "relu", "d_kv": 16, "task_specific_params": tasks}
    if kind == "byt5":
        tokenizer, size = ByT5Tokenizer(), 384
    else:
        tokenizer = _t5_tokenizer(directory, kind)
        size = len(spm_pieces(directory / "spiece.model")) + 164
    own |= {"pad_token_id": 1, "eos_token_id": 2} if kind == "madlad" else {}
    config_class, model_class = (
        (MT5Config, MT5ForConditionalGeneration) if kind == "mt5" else (T5Config, T5ForConditionalGeneration)
    )
    model = model_class(config_class(vocab_size=size, **_T5, **own)).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "relative" in name:
                weight.normal_()
            elif "norm" in name:
                weight.normal_(1, 0.1)
            elif "shared" in name:
                weight.normal_()
            elif "lm_head" not in name:
                weight.mul_(2)
        if kind != "v1.0":
            model.lm_head.weight = torch.nn.Parameter(torch.randn(size, 64) * 0.3)
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


def _t5_tokenizer(directory: Path, kind: str) -> Any:
    from transformers import T5Tokenizer

    if kind != "madlad":
        trained_spm(directory / "spiece", _TEXTS, 700, pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
        return T5Tokenizer.from_pretrained(directory)
    tags = ["<2de>", "<2fr>", "<2en>"]
    trained_spm(directory / "spiece", _TEXTS, 700, unk_id=0, pad_id=1, eos_id=2, bos_id=-1, user_defined_symbols=tags)
    return T5Tokenizer.from_pretrained(directory, extra_ids=0)


MAKERS: dict[str, Callable[[Path], Path]] = {
    "marian": marian,
    "marian-apart": lambda directory: marian(directory, apart=True),
    "marian-tags": lambda directory: marian(directory, tags=(">>deu<<", ">>nld<<")),
    "marian-lacking": lambda directory: marian(directory, lacking=True),
    "m2m100": m2m100,
    "nllb": nllb,
    "mbart": mbart,
    "t5-v1.0": lambda directory: t5(directory, "v1.0"),
    "t5-v1.1": lambda directory: t5(directory, "v1.1"),
    "mt5": lambda directory: t5(directory, "mt5"),
    "madlad": lambda directory: t5(directory, "madlad"),
    "byt5": lambda directory: t5(directory, "byt5"),
}
"""Each kind of model that is imported from the layout of transformers."""


def copied(directory: Path, to: Path, *, without: Iterable[str] = ()) -> Path:
    """A copy of a model, without some of its files."""
    shutil.copytree(directory, to)
    for name in without:
        (to / name).unlink()
    return to
