"""The kinds of files that are damaged, the commands that read them, and how other data would be noticed."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from mtkit.data.tokens.special import OWN
from tests.fuzz.material import EVALUATED
from tests.fuzz.trial import command

Action = Callable[[], None]


@dataclass(frozen=True)
class Kind:
    """Files of one kind."""

    name: str
    patterns: Sequence[str]
    """Of the files, in the directory of the material."""

    actions: Sequence[Action]
    """What reads them."""

    witness: Callable[[Path, str], str] | None = None
    """What came out, from the directory and the output of an action: it must be what comes out of whole files, unless
    the action fails."""

    free: Sequence[str] = ()
    """Files that may change what comes out."""

    may_be_piped: bool = False
    """Whether a pipe may stand in the place of a file: then whatever reads it waits for its other end."""

    mend: Callable[[Path], None] | None = None
    """Makes the noted hashes those of the damaged files, so that what stands behind them is tried too."""


def _mtkit(line: str) -> Action:
    return command(*line.split())


def _imported(family: str, languages: str) -> Action:
    """Import a model, and translate with what became of it."""
    import_it = _mtkit(f"import foreign/{family} -o new {languages}")
    translate = _mtkit("translate -q -m new -i test.num -o out --threads 1 -b 1 --batch-size 5")

    def act() -> None:
        try:
            import_it()
        except SystemExit as end:
            if end.code:
                raise
        translate()

    return act


def _first_batch() -> None:
    """Open the prepared corpus as training does, and print what it would train on."""
    from mtkit.data.batches.batches import BatchPlan
    from mtkit.data.corpus.prepare import prepare
    from mtkit.errors import MtkitError
    from mtkit.settings.recipe import Config
    from mtkit.settings.resolve import Settings

    try:
        config: Config = Settings.load(Path("recipe.yaml")).before_corpus().config()
        prepared = prepare(config.data, config.tokenizer, config.prepared_directory)
        store = prepared.store("train")
        digest = hashlib.sha256()
        for _, update in zip(range(3), BatchPlan(store, special=OWN, batch_tokens=200), strict=False):
            for batch in update:
                digest.update(batch.src.numpy().tobytes() + batch.tgt_out.numpy().tobytes())
        digest.update("\n".join([*store.src_text(), *store.tgt_text(), *prepared.store("valid").tgt_text()]).encode())
        print(f"witness {prepared.manifest.n_train} {len(store)} {digest.hexdigest()}", flush=True)  # noqa: T201
    except MtkitError as error:
        print(f"mtkit: error: {error}", flush=True)  # noqa: T201
        raise SystemExit(1) from None


def _printed(_: Path, output: str) -> str:
    return "\n".join(line for line in output.splitlines() if line.startswith("witness "))


def _weights(directory: Path, _: str) -> str:
    return hashlib.sha256((directory / "begun/model/model.safetensors").read_bytes()).hexdigest()


def _translated(directory: Path, _: str) -> str:
    path = directory / "out"
    return path.read_text() if path.exists() else "nothing"


def _mend_bundle(directory: Path) -> None:
    for note in directory.glob("run/model/**/*.json"):
        if note.name in ("mtkit.json", "conversion.json"):
            _mend(note, lambda file, _: _sha256(file))


def _mend_run(directory: Path) -> None:
    for note in directory.glob("begun/checkpoints/*/manifest.json"):
        _mend(note, lambda file, _: {"size": file.stat().st_size, "sha256": _sha256(file)})


def _mend_prepared(directory: Path) -> None:
    """As a corpus of an older version would be, whose manifest has no hashes."""
    note = directory / "prepared/manifest.json"
    if not all(path.is_file() for path in (note, *directory.glob("prepared/*/state.json"))):
        return
    try:
        tree = json.loads(note.read_text())
        tree.pop("sha256", None)
        tree.pop("splits", None)
        for state in directory.glob("prepared/*/state.json"):
            content = hashlib.sha256()
            for shard in sorted(state.parent.glob("*.arrow")):
                content.update(bytes.fromhex(_sha256(shard)))
            files = [{"filename": shard.name} for shard in sorted(state.parent.glob("*.arrow"))]
            old = json.loads(state.read_text()) | {"_data_files": files, "_fingerprint": content.hexdigest()[:16]}
            state.write_text(json.dumps(old))
        tree["tokenizer_sha256"] = _sha256(directory / "prepared/tokenizer.model")
        note.write_text(json.dumps(tree))
    except (ValueError, RecursionError, OSError, TypeError, AttributeError, KeyError):
        return


def _mend(note: Path, noted: Callable[[Path, object], object]) -> None:
    if not note.is_file():
        return
    try:
        tree = json.loads(note.read_text())
        for name, value in tree["files"].items():
            if (note.parent / name).is_file():
                tree["files"][name] = noted(note.parent / name, value)
        note.write_text(json.dumps(tree))
    except (ValueError, RecursionError, OSError, TypeError, AttributeError, KeyError):
        return


def _sha256(file: Path) -> str:
    """Of a regular file; what is none has no hash, and perhaps no end."""
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""


KINDS = (
    Kind(
        "recipe",
        ["recipe.yaml"],
        [_mtkit("train -c recipe.yaml -o new --print-config"), _mtkit("preprocess recipe.yaml --dry-run --workers 1")],
    ),
    Kind("text", ["*.num", "*.abc"], [_mtkit("preprocess recipe.yaml -o new --workers 1")], may_be_piped=True),
    *(
        Kind(
            f"format {name}",
            [f"formats/{file}"],
            [_mtkit(f"preprocess {recipe}.yaml -o new --workers 1")],
            may_be_piped=True,
        )
        for name, file, recipe in (
            ("tsv", "a.tsv", "a-tsv"),
            ("jsonl", "a.jsonl", "a-jsonl"),
            ("tmx", "a.tmx", "a-tmx"),
            ("xliff", "a.xlf", "a-xliff"),
            ("po", "a.po", "a-po"),
            ("csv", "a.csv", "a-hf"),
            ("parquet", "b.parquet", "b-hf"),
        )
    ),
    Kind(
        "prepared corpus",
        ["prepared/**/*"],
        [_first_batch],
        witness=_printed,
        free=["prepared/report.json", "prepared/*/dataset_info.json", "prepared/test/*/dataset_info.json"],
        mend=_mend_prepared,
    ),
    Kind("run", ["begun/*.*", "begun/checkpoints/*/*"], [_mtkit("train -c recipe.yaml -o begun")], witness=_weights,
         free=["begun/config.yaml", "begun/fitted.json"], mend=_mend_run),
    Kind("average", ["begun/*.*", "begun/checkpoints/*/*"], [_mtkit("average begun -o averaged --last 2")],
         mend=_mend_run),
    Kind(
        "bundle",
        ["run/model/*.*"],
        [
            _mtkit("translate -q -m run -i test.num -o out --threads 1"),
            _mtkit("translate -q -m run/model -i test.num -o out --engine torch --threads 1"),
        ],
        witness=_translated,
        free=["run/model/mtkit.json"],
        mend=_mend_bundle,
    ),
    Kind("checkpoint", ["begun/config.yaml", "begun/tokenizer.model", "begun/corpus.json", "begun/checkpoints/*/*"],
         [_mtkit("translate -q -m begun -i test.num -o out --engine torch --threads 1")],
         witness=_translated, free=["begun/config.yaml"], mend=_mend_run),
    Kind(
        "conversion",
        ["run/model/ctranslate2/**/*"],
        [_mtkit("translate -q -m run -i test.num -o out --threads 1")],
        witness=_translated,
        mend=_mend_bundle,
    ),
    Kind(
        "bundle elsewhere",
        ["run/model/*.*"],
        [
            _mtkit("score -m run --src test.num --tgt test.abc --threads 1"),
            _mtkit("align -m run --src test.num --tgt test.abc --threads 1"),
            _mtkit("describe -m run"),
            _mtkit("inspect -m run -i test.num --threads 1"),
            _mtkit("export run --to safetensors -o plain"),
            _mtkit("evaluate -m run --metrics bleu --threads 1"),
        ],
        mend=_mend_bundle,
    ),
    Kind(
        "evaluation",
        ["gate.yaml", "baseline.json"],
        [command("evaluate", *EVALUATED, "--gate", "gate.yaml", "--against", "baseline.json")],
    ),
    Kind("scored text", ["hyp", "test.abc", "test.num"], [command("evaluate", *EVALUATED)], may_be_piped=True),
    Kind("test sets", ["sets.yaml"], [_mtkit("evaluate --sets sets.yaml --metrics bleu -l en-de")]),
    Kind("alignments", ["links", "gold"], [_mtkit("evaluate --hyp links --alignments gold")], may_be_piped=True),
    Kind("metrics", ["run/metrics.jsonl"], [_mtkit("report --hyp hyp --ref test.abc -l en-de --run run -o page.html")]),
    *(
        Kind(f"foreign {family}", [f"foreign/{family}/*"], [_imported(family, languages)])
        for family, languages in (
            ("marian", "-s en -t de"),
            ("m2m100", "-s en -t de"),
            ("t5", "-s en -t fr"),
            ("t5-json", "-s en -t fr"),
            ("opus", "-s en -t de"),
            ("student", "-s en -t de"),
        )
    ),
    Kind("adapters", ["adapter/*"],
         [_mtkit("translate -q -m run --adapter adapter -i test.num -o out --engine torch --threads 1")],
         witness=_translated, free=["adapter/adapter_config.json"]),
    Kind("json lines", ["in.jsonl"], [_mtkit("translate -m run --input-format jsonl -i in.jsonl -o out --threads 1")],
         may_be_piped=True),
)  # fmt: skip


def choose(kind: Kind, directory: Path, draw: Random) -> tuple[Path, list[Path]]:
    """A file of a kind, and all others."""
    found = sorted(path for pattern in kind.patterns for path in directory.glob(pattern) if path.is_file())
    chosen = draw.choice(found)
    others = (path for path in directory.rglob("*") if path.is_file() and not path.is_symlink() and path != chosen)
    return chosen, sorted(others)
