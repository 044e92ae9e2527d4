"""What is wrong with a run that starts or learns from a model, as its settings tell, before it writes anything."""

from pathlib import Path

from mtkit.data.corpus.prefixes import check_pieces
from mtkit.settings.recipe import Config
from mtkit.training.comparison import check_old_sets
from mtkit.training.planning.needs import trained_skeleton
from mtkit.training.starting import Start
from mtkit.training.teacher import Teacher


def check_beforehand(config: Config, start: Start | None, run_dir: Path, teacher: Teacher | None = None) -> None:
    """Refuse what could not be trained, before a corpus is prepared for it; nothing is written.

    Args:
        config: Before the corpus is known.
        start: The model that the run starts from.
        run_dir: Of the run, which may have begun.
        teacher: The model that it learns from.

    Raises:
        ConfigError: If the model has nothing of a name in ``training.freeze`` or ``training.lora.modules``, nothing is
            left to train, it does not know a language of the corpus, or the teacher cannot read what the run reads.
        DataError: If an old test set cannot be read.
        VocabularyError: If the model's tokenizer lacks a tag of the corpus.
    """
    if teacher is not None:
        teacher.check(config, start)
    if start is None:
        return
    tokenizer = start.tokenizer
    if not config.tokenizer.extend.languages:
        check_pieces(config.data, tokenizer, model=start.base.name)
    sizes = {"src_vocab_size": tokenizer.src_vocab_size, "tgt_vocab_size": tokenizer.tgt_vocab_size}
    trained_skeleton(config.model, config.training, **sizes)
    check_old_sets(config, start, run_dir)
