"""Starting from a model that exists: what a run takes over from it, and keeps of it in case that the model goes.

Tokenizer, shape and defaults of the search are the model's; a recipe that says otherwise is told.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copytree

from mtkit.bundle.bundle import ORIGIN, Bundle, load_bundle
from mtkit.data.corpus.prepared import Manifest
from mtkit.data.tokens.tokenizer import Tokenizer
from mtkit.errors import CheckpointError, ConfigError, MtkitError
from mtkit.files.whole import atomic_directory
from mtkit.languages.codes import base_language
from mtkit.log import logger
from mtkit.model.encoder_decoder import EncoderDecoder
from mtkit.model.weights import load_tensors, restore_model
from mtkit.settings.layers import Layer
from mtkit.settings.model import ModelConfig
from mtkit.settings.model_shape import ModelShape
from mtkit.settings.plan_by_time import BY_TIME
from mtkit.settings.resolve import Settings
from mtkit.settings.section import TRAINING_ONLY, marked
from mtkit.settings.tokenizer import TokenizerConfig
from mtkit.training.base_model import Base, noted_base, run_or_bundle
from mtkit.training.contradictions import contradictions
from mtkit.training.growing import grown_tensors
from mtkit.training.planning.fine_tuning import Suited, suited
from mtkit.training.saving.checkpoint import CheckpointStore
from mtkit.training.saving.run_directory import has_begun, is_marked
from mtkit.wording import parameters_shown

BASE_TOKENIZER = "base_tokenizer"
"""In a run directory: the tokenizer as it was, where that of the run has more pieces."""

_TYPICAL_PAIRS, _TYPICAL_TOKENS = 10_000, 250_000
"""Of a corpus that is not prepared yet."""


@dataclass(frozen=True)
class Start:
    """A model that a run starts from, with what is left of it."""

    base: Base
    tokenizer: Tokenizer

    bundle: Bundle | None
    """The model itself; None where it is not there any more, and the run has begun."""

    def under(self, settings: Settings, manifest: Manifest | None = None) -> Settings:
        """The settings with what comes from the model below them, and what suits its training.

        Args:
            settings: Of the run.
            manifest: Of the corpus; without it what is chosen by its size is provisional.

        Raises:
            ConfigError: If they say something else of the model or the tokenizer, naming the setting.
        """
        for mistake in self._contradictions(settings):
            raise ConfigError(mistake)
        training = self.suited(settings, manifest).values
        layers = [Layer(f"model {self.base.name}", self.base.settings), Layer("fine-tuning", {"training": training})]
        return settings.over(layers, without={BY_TIME: ("max_updates", "min_updates")})

    def suited(self, settings: Settings, manifest: Manifest | None) -> Suited:
        """What suits the training of the model on a corpus; a run that has begun keeps what it began with."""
        if self.base.training:
            return Suited(self.base.training, ["learning rate and length of the run as it began"])
        n_pairs = _TYPICAL_PAIRS if manifest is None else manifest.n_train
        n_tokens = _TYPICAL_TOKENS if manifest is None else manifest.n_train_tgt_tokens
        given = settings.given("training")
        return suited(self.base.n_parameters, n_pairs, n_tokens, given if isinstance(given, dict) else {})

    def told(self, settings: Settings, manifest: Manifest) -> list[str]:
        """What the run starts from, and what suits its training and why."""
        size = parameters_shown(self.base.n_parameters)
        begins = f"starting from {self.base.name}: {size}, weights {self.base.weights[:12]}"
        return [begins, *(f"fine-tuning: {reason}" for reason in self.suited(settings, manifest).reasons)]

    def note(self, run_dir: Path, settings: Settings, manifest: Manifest) -> None:
        """Write into the directory of a run what it starts from, once, before anything else of it."""
        if not self.base.training:
            if manifest.tokenizer_sha256 != self.base.tokenizer:  # it has grown: what it was is kept too
                (run_dir / BASE_TOKENIZER).mkdir(exist_ok=True)
                self.tokenizer.save(run_dir / BASE_TOKENIZER)
            origin = None if self.bundle is None else run_or_bundle(self.bundle) / ORIGIN
            if origin is not None and origin.is_dir():
                with atomic_directory(run_dir / ORIGIN) as work:
                    copytree(origin, work, dirs_exist_ok=True)
            self.base.note(run_dir, self.suited(settings, manifest).values)
            self.check_languages([(manifest.src_lang, manifest.tgt_lang)])

    def put_into(self, model: EncoderDecoder, tokenizer: Tokenizer, *, like: str | None) -> None:
        """Give a model of the same shape the weights that the run starts from.

        Args:
            model: The model of the run.
            tokenizer: Of the run: that of the model it starts from, or that with more pieces.
            like: Language whose tag new tags start from.

        Raises:
            CheckpointError: If they are damaged, or gone.
            ConfigError: If the model has no tag of the language ``like``.
        """
        if self.bundle is None:
            raise CheckpointError(f"{self.base.name}: the model that the run starts from is not there; put it back")
        self.bundle.check_finite()
        path = self.bundle.directory / "model.safetensors"
        tensors = grown_tensors(load_tensors(path), self.tokenizer, tokenizer, like=like)
        restore_model(model, tensors, source=path)

    @property
    def known_languages(self) -> set[str]:
        """The languages that the model knows, as ``base_language`` has them."""
        pieces = self.tokenizer.languages
        codes = [code for pair in self.base.directions for code in pair]
        if pieces is not None:
            codes = [*pieces.src_codes(), *pieces.tgt_codes(), *(() if pieces.src_codes() else codes[::2])]
        return {base_language(code) for code in codes}

    def check_languages(self, directions: list[tuple[str, str]]) -> None:
        """Warn where a corpus is in languages that the model does not translate."""
        known = {(base_language(src), base_language(tgt)) for src, tgt in self.base.directions}
        other = [pair for pair in directions if (base_language(pair[0]), base_language(pair[1])) not in known]
        if other and known:
            corpus, model = (", ".join("-".join(pair) for pair in each) for each in (other, self.base.directions))
            logger.warning("%s translates %s, and the corpus is %s", self.base.name, model, corpus)

    def _contradictions(self, settings: Settings) -> Iterator[str]:
        """What the settings say of the model or the tokenizer that is not so."""
        own, name = self.base.settings, self.base.name
        of_model = {**own["model"], "preset": self.base.preset}
        may_differ = marked(ModelConfig, TRAINING_ONLY) - {"preset"}
        yield from contradictions(settings, "model", ModelShape, of_model, name, may_differ)
        yield from contradictions(settings, "tokenizer", TokenizerConfig, own["tokenizer"], name)


def start_of(settings: Settings, run_dir: Path | None, *, overwrite: bool = False) -> Start | None:
    """The model that a run starts from; None where it starts from random weights.

    Args:
        settings: Before a preset is chosen; ``training.from`` names the model.
        run_dir: Of the run, which may have begun; None where there is none.
        overwrite: Whether an earlier run there is of no concern.

    Raises:
        CheckpointError: If there is no whole model, or the run began from another one.
        ConfigError: If it lies in the run directory itself, or the run began from one and none is named.
    """
    named = settings.given("training", "from")
    noted = None if run_dir is None or overwrite else noted_base(run_dir)
    if not isinstance(named, str) or not named:
        if noted is not None:
            raise ConfigError(f"{run_dir}: the run began from {noted.name}: name it again with --from {noted.name}")
        return None
    path = Path(named)
    if run_dir is not None:
        _check_place(path, run_dir, begun=noted is not None, overwrite=overwrite)
    if noted is None:
        bundle = load_bundle(path)
        bundle.check_weights_fit()
        return Start(Base.of(bundle, named), bundle.tokenizer, bundle)
    assert run_dir is not None
    if not path.exists():
        logger.info("%s is not there any more; the run goes on from what it has kept of it", named)
        return Start(noted, _kept_tokenizer(noted, run_dir), None)
    if not has_begun(run_dir):  # what suits its training is found anew, for what is asked for now
        noted = replace(noted, training={})
    bundle = load_bundle(path)
    if bundle.weights_sha256 != noted.weights or bundle.tokenizer.sha256() != noted.tokenizer:
        raise CheckpointError(
            f"{run_dir}: the run began from another model ({noted.name}, weights {noted.weights[:12]}) than {named} "
            f"(weights {bundle.weights_sha256[:12]}); choose another -o, or --overwrite to start afresh"
        )
    return Start(noted, bundle.tokenizer, bundle)


def _check_place(path: Path, run_dir: Path, *, begun: bool, overwrite: bool) -> None:
    """Refuse a run that would start from itself, or that began from random weights."""
    if path.resolve().is_relative_to(run_dir.resolve()):
        raise ConfigError(f"--from {path}: lies in the run directory {run_dir} itself; choose another -o")
    place = path.resolve()
    for directory in (place, *(each for each in place.parents if is_marked(each))):
        if run_dir.resolve().is_relative_to(directory):
            what = f"in {path}" if directory == place else f"in the run of {path}"
            raise ConfigError(f"{run_dir}: lies {what}, the model that the run starts from; choose another -o")
    if not begun and not overwrite and CheckpointStore(run_dir).updates():
        raise CheckpointError(
            f"{run_dir}: the run did not begin from {path}; choose another -o, or --overwrite to start afresh"
        )


def _kept_tokenizer(noted: Base, run_dir: Path) -> Tokenizer:
    before = run_dir / BASE_TOKENIZER
    try:
        tokenizer = Tokenizer.load(before if before.is_dir() else run_dir)
    except MtkitError as error:
        raise CheckpointError(f"{error}; put {noted.name} back, or start again with --overwrite") from None
    if tokenizer.sha256() != noted.tokenizer:
        raise CheckpointError(f"{run_dir}: the tokenizer is not the one that the run began with; copy it again")
    return tokenizer
