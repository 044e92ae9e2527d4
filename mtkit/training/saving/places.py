"""Where a run's files lie: a recipe names them from where the command was called, which need not be the same later."""

import os
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

from mtkit.bundle.corpus import relative_path
from mtkit.bundle.run_note import CALLED_FROM, noted_place
from mtkit.log import logger
from mtkit.settings.recipe import Config
from mtkit.settings.section import PLACE, marked
from mtkit.settings.source import SourceConfig


def note_of_place(run_dir: Path) -> dict[str, str]:
    """What a run directory notes of where the command was called."""
    return {CALLED_FROM: relative_path(Path.cwd(), run_dir)}


@contextmanager
def where_it_began(run_dir: Path, config: Config) -> Iterator[Path]:
    """Go on with a run from where it was begun, if from there all its files are found that are from here, and more.

    What is found from neither place may be gone without harm, as a teacher whose run is done, or is no file.

    Yields:
        The run directory, as seen from there.
    """
    noted = noted_place(run_dir, CALLED_FROM)
    base = None if noted is None else Path(os.path.normpath(run_dir.resolve() / noted))
    if base is None or not _found(config, Path()) < _found(config, base):
        yield run_dir
        return
    logger.info("going on from %s, where the run began", base)
    directory = run_dir.resolve()
    with chdir(base):
        yield Path(relative_path(directory, base))


def apart_from_places(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values of all settings but for the names of inputs: what these hold is told by their hashes.

    Args:
        settings: Of a whole run, as JSON has them.
    """
    places = marked(SourceConfig, PLACE)
    data = dict(settings["data"])
    for place in ("train", "valid", "test"):
        data[place] = [{key: value for key, value in source.items() if key not in places} for source in data[place]]
    apart = {**settings, "data": data}
    if "pretraining" in settings:  # settings of a version that knew none have none
        stage = dict(settings["pretraining"])
        for side in ("src", "tgt"):
            stage[side] = [{key: value for key, value in source.items() if key not in places} for source in stage[side]]
        apart["pretraining"] = stage
    return apart


def _found(config: Config, base: Path) -> set[str]:
    """The files and directories named in a recipe that are found from a directory."""
    data, stage, training = config.data, config.pretraining, config.training
    sources = (*data.train, *data.valid, *data.test, *stage.src, *stage.tgt, *training.keep_test)
    names = [getattr(source, place) for source in sources for place in marked(SourceConfig, PLACE)]
    names.append(training.distillation.teacher)
    return {name for name in names if name is not None and (base / name).exists()}
