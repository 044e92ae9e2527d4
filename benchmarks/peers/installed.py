"""Which other tools are there, and how to install those that are not."""

import sys
from pathlib import Path

# Packages that pip cannot resolve beside a current torch are installed without what they ask for, then with what
# they truly need.
INSTALL = {
    "hf": ["transformers ctranslate2"],
    "eole": ["eole aiohttp"],
    "onmt": [
        "--no-deps OpenNMT-py",
        "configargparse ctranslate2 tensorboard flask waitress pyonmttok pyyaml sacrebleu rapidfuzz pyahocorasick six"
        " spacy fasttext-wheel",
    ],
    "joeynmt": [
        "--no-deps joeynmt",
        "'setuptools<81' protobuf tensorboard sacrebleu sacremoses sentencepiece subword-nmt matplotlib pyyaml six"
        " packaging pandas datasets importlib_metadata",
    ],
}


def interpreter(venvs: Path, name: str | None) -> Path | None:
    """The Python of a tool, or None after a line on how to install it; without a name the Python that runs this."""
    if name is None:
        return Path(sys.executable)
    python = venvs.absolute() / name / "bin" / "python"
    if python.exists():
        return python
    pip = f"{venvs / name}/bin/pip install"
    steps = " && ".join(f"{pip} {packages}" for packages in ["torch", *INSTALL[name]])
    print(f"{name} is absent and skipped; python -m venv {venvs / name} && {steps}", file=sys.stderr)
    return None
