"""Models for transformers: what was imported in the layout that it had, our own Transformers as MarianMT or Pegasus."""

from pathlib import Path

from mtkit.bundle.bundle import WEIGHTS, Bundle
from mtkit.bundle.foreign import EXPORT
from mtkit.exchange.card import FILE as CARD
from mtkit.exchange.card import card_of
from mtkit.exchange.generation import GENERATION, generation_settings, special_ids
from mtkit.exchange.giving_back import give_back
from mtkit.exchange.huggingface_own import kind_of, model_settings, permuted_tensors
from mtkit.exchange.huggingface_tokenizer import check_tags, code_of, write_tokenizer
from mtkit.exchange.origin import Origin
from mtkit.files.whole import atomic_directory, atomic_file, write_json
from mtkit.settings.data import language_tags


def export_huggingface(bundle: Bundle, output: Path, *, licence: str | None = None) -> str:
    """Write a directory that ``AutoModelForSeq2SeqLM`` and ``AutoTokenizer`` load, with a model card.

    What was imported goes back to the layout that it had, Marian's own files too.

    Args:
        bundle: The model.
        output: The directory; one that exists is replaced.
        licence: Of the model, for the card; by default that of what it was made from.

    Returns:
        What was written: the class of transformers, or the layout.

    Raises:
        ConfigError: If transformers has no class for the model, naming the setting.
        CheckpointError: If the weights are damaged or not finite.
        OSError: If the directory cannot be written.
    """
    origin = Origin.of(bundle.metadata, bundle.directory)
    if origin is None:
        return _export_own(bundle, output, licence)
    with atomic_directory(output) as work:
        told = give_back(bundle, origin, work)
        if not (work / CARD).exists():
            write_card(bundle, origin, work, licence=licence, text_prefix="")
    return told


def _export_own(bundle: Bundle, output: Path, licence: str | None) -> str:
    """A model of mtkit's own."""
    from safetensors.torch import save_file

    from mtkit.model.weights import load_tensors

    model, tokenizer = bundle.model, bundle.tokenizer
    kind = kind_of(model, joint=tokenizer.joint)
    check_tags(bundle.data)
    bundle.check_weights_fit()
    bundle.check_finite()
    tensors = permuted_tensors(model, load_tensors(bundle.directory / WEIGHTS))
    settings = {
        **model_settings(model, kind, vocab_sizes=(tokenizer.src_vocab_size, tokenizer.tgt_vocab_size)),
        **special_ids(bundle),
        "forced_eos_token_id": None,
        "dtype": "float32",
    }
    with atomic_directory(output) as work:
        save_file(tensors, work / WEIGHTS, metadata={"format": "pt"})
        write_json(work / EXPORT, settings)
        write_json(work / GENERATION, generation_settings(bundle))
        write_tokenizer(
            tokenizer,
            bundle.data,
            work,
            languages=(bundle.src_lang, bundle.tgt_lang),
            max_tokens=model.max_length,
        )
        write_card(bundle, None, work, licence=licence, text_prefix=text_prefix(bundle))
    return str(settings["architectures"][0])


def write_card(
    bundle: Bundle, origin: Origin | None, directory: Path, *, licence: str | None, text_prefix: str
) -> None:
    """Write README.md."""
    with atomic_file(directory / CARD) as file:
        file.write(card_of(bundle, origin, licence=licence, text_prefix=text_prefix).markdown().encode())


def text_prefix(bundle: Bundle) -> str:
    """What stands before a text for MarianTokenizer, to tell the model the language: ``>>de<< ``, or nothing."""
    if bundle.data is None:
        return ""
    tags = language_tags(bundle.data.language_tags, bundle.src_lang, bundle.tgt_lang)
    return "".join(f"{code_of(tag)} " for tag in tags)
