from pathlib import Path

import pytest

from mtkit.errors import ConfigError
from mtkit.files.output_directory import check_replaceable


@pytest.mark.parametrize("name", [".", "..", "../..", "../../one/two"])
def test_where_one_is_cannot_be_replaced(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one" / "two").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "one" / "two")
    with pytest.raises(ConfigError, match="is the current directory and would be replaced; choose another -o"):
        check_replaceable(Path(name))
    check_replaceable(Path("out"))
    check_replaceable(Path("../three"))
