"""The one way from a model's directory to a model that computes."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mtkit.bundle.bundle import Bundle, with_bundle
from mtkit.bundle.languages import direction_of, prefixes_for
from mtkit.data.tokens.special import NO_PREFIX
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.machine.compute import Compute
from mtkit.machine.memory import keep_freed_memory
from mtkit.settings.decoding import DecodingConfig

if TYPE_CHECKING:
    from mtkit.model.encoder_decoder import EncoderDecoder


@dataclass(frozen=True)
class OpenModel:
    """A model on its device, in evaluation mode, and what goes with it."""

    model: "EncoderDecoder"
    tokenizer: Tokenizer
    decoding: DecodingConfig

    languages: tuple[str, str]
    """Codes of source and target."""

    prefix: list[int]
    """The source ids that stand before every text: the tags of these languages."""

    tgt_prefix: list[int]
    """The target ids that every translation begins with, which a search is given."""

    max_src_tokens: int
    """As in ``Bundle``."""

    directory: Path
    """Where the weights lie, and what was noted beside them."""


def open_model(
    model: Path | str | Bundle,
    *,
    compute: Compute,
    languages: tuple[str | None, str | None] | None = (None, None),
    for_search: bool = False,
) -> OpenModel:
    """Load a run directory, a checkpoint or a bundle, and put its weights where they compute.

    Args:
        model: As for ``with_bundle``.
        compute: Where, and in which precision.
        languages: Names of source and target for a model of several, each None for the recipe's own; None where the
            languages do not matter, as nothing is put before a text.
        for_search: Do once what each of the many steps of a search would do again: cast linear maps to the precision,
            or pack them for products of few rows, and keep the memory that is freed. The weights must not change
            then. What reads each text once leaves the cast to autocast, and gives its memory back.

    Raises:
        CheckpointError: If there is no whole model, or its weights are damaged.
        ConfigError: If the model does not know a language.
        VocabularyError: If its tokenizer is damaged.
    """

    def load(bundle: Bundle) -> OpenModel:
        prefix = NO_PREFIX if languages is None else prefixes_for(bundle, *languages)
        if for_search:
            keep_freed_memory()
        on_device = bundle.build_model().to(compute.device)
        if for_search:
            _settle(on_device, compute)
        return OpenModel(
            on_device,
            bundle.tokenizer,
            bundle.decoding,
            (bundle.src_lang, bundle.tgt_lang) if languages is None else direction_of(bundle, *languages),
            list(prefix.src),
            list(prefix.tgt),
            bundle.max_src_tokens,
            bundle.directory,
        )

    return with_bundle(model, load)


def _settle(model: "EncoderDecoder", compute: Compute) -> None:
    """All that is not a matrix product stays in float32."""
    import torch
    from torch import nn

    if compute.precision != "bf16":
        model.fix()
        return
    for module in model.modules():
        if isinstance(module, nn.Linear):
            module.to(torch.bfloat16)
