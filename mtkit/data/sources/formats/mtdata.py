"""Pairs that ``mtdata`` knows where to find: one of its data sets, or all of one of its recipes."""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cached_property, partial
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

from mtkit.data.sources.formats.text import TextSource
from mtkit.data.sources.pairs import Pairs
from mtkit.errors import DataError
from mtkit.files.cache import cache_directory
from mtkit.files.whole import atomic_directory
from mtkit.log import logger
from mtkit.machine.workers import safe_children

_FIELDS = {"train": "train", "valid": "dev", "test": "test"}
"""What the places of a recipe of ours are called in one of theirs."""


@dataclass
class MtdataSource:
    """A data set or recipe by its id, downloaded once into the user's cache."""

    name: str
    identifier: str
    languages: tuple[str, str]
    place: str
    """train, valid or test: which data sets of a recipe are taken."""

    def sha256(self) -> dict[str, str]:
        """Digests of both sides as they lie in the cache."""
        digests = self._text.sha256().values()
        return dict(zip((f"mtdata:{self.identifier} {side}" for side in ("src", "tgt")), digests, strict=True))

    def chunks(self) -> Iterator[Pairs]:
        """Read both sides.

        Raises:
            DataError: If mtdata is missing, does not know the id, or cannot download it.
        """
        return self._text.chunks()

    def one_side(self, side: int) -> Iterator[list[str]]:
        """Read one side."""
        return self._text.one_side(side)

    @cached_property
    def _text(self) -> TextSource:
        """The two files in the cache, after downloading them where they are not there."""
        if not re.fullmatch(r"\w[\w.+-]*", self.identifier):
            raise DataError(f"mtdata:{self.identifier}: not an mtdata id, such as Statmt-news_commentary-16-deu-eng")
        cache = cache_directory()
        if cache is None:
            raise DataError(f"mtdata:{self.identifier}: no home directory to keep it in; set XDG_CACHE_HOME")
        folder = cache / "mtdata" / self.identifier / f"{self.languages[0]}-{self.languages[1]}-{self.place}"
        if not folder.exists():
            self._download(folder)
        return TextSource(self.name, folder / "src", folder / "tgt")

    def _download(self, folder: Path) -> None:
        if find_spec("mtdata") is None:
            raise DataError(f"mtdata:{self.identifier}: needs mtdata: pip install mtkit[mtdata]")
        logger.info("mtdata:%s: reading it into %s", self.identifier, folder)
        # In a process of its own, because importing mtdata sets up logging for all and imports mtdata*.py of the
        # working directory.
        start = partial(ProcessPoolExecutor, 1, mp_context=get_context("spawn"))
        with atomic_directory(folder) as work, safe_children(), start() as pool:
            try:
                fetched = pool.submit(_fetch, self.identifier, self.languages, _FIELDS[self.place], work.resolve())
                problem = fetched.result()
            except BrokenProcessPool:
                problem = "the process of mtdata was killed"
            if problem is not None:
                raise DataError(f"mtdata:{self.identifier}: {problem}")


def _fetch(identifier: str, languages: tuple[str, str], field: str, work: Path) -> str | None:
    """Write both sides as ``src`` and ``tgt`` into an empty directory.

    Returns:
        What went wrong, in one line; None where nothing did.
    """
    os.chdir(work)
    try:
        with redirect_stdout(sys.stderr):
            _prepare(identifier, languages, field)
    except Exception as error:  # anything: assertions, requests, zipfile, ...
        text = " ".join(str(getattr(error, "msg", None) or error).split()) or type(error).__name__
        if isinstance(error, OSError):
            return f"cannot be downloaded ({text}); copy its files to this machine and name them with src: and tgt:"
        return text
    return None


def _prepare(identifier: str, languages: tuple[str, str], field: str) -> None:
    """Let mtdata download and convert it into the working directory."""
    import mtdata

    mtdata.log.getLogger().setLevel(mtdata.log.CRITICAL)  # it logs what it raises as well
    mtdata.pbar_man.enabled = False
    from mtdata.data import Dataset
    from mtdata.entry import DatasetId
    from mtdata.iso.bcp47 import bcp47
    from mtdata.recipe import RECIPES

    recipe = RECIPES.get(identifier)
    ids = getattr(recipe, field) if recipe else [DatasetId.parse(identifier)]
    if not ids:
        raise ValueError(f"the recipe has no {field} data")
    langs = tuple(map(bcp47, languages))
    options = {"merge_train": True, "fail_on_error": True}
    Dataset.prepare(langs, out_dir=Path(), dataset_ids={"train": ids}, cache_dir=mtdata.cache_dir, **options)
    for lang, side in zip(langs, ("src", "tgt"), strict=True):
        Path(f"train.{lang}").rename(side)
    for path in Path().iterdir():
        if path.is_dir():
            shutil.rmtree(path)  # a second copy, before merging
