import pytest
import torch

from mtkit.inspection.inspector import Inspector
from mtkit.inspection.look import Look
from mtkit.inspection.text import shown_as_text
from tests.tiny import LINES, save_tiny_bundle


@pytest.fixture(scope="module")
def inspector(tmp_path_factory: pytest.TempPathFactory) -> Inspector:
    bundle = save_tiny_bundle(tmp_path_factory.mktemp("bundle") / "model", n_decoder_layers=2)
    inspector = Inspector.load(bundle, device="cpu", threads=1)
    with torch.no_grad():  # very probable at some places: some hypotheses end
        inspector.model.output_weight[inspector.tokenizer.eos_id] *= 12
    return inspector


def test_each_step_has_a_line_with_the_fate_of_every_candidate(inspector: Inspector) -> None:
    fates = set()
    for number, line in enumerate(LINES, start=1):
        look = inspector.look(number, line, inspector.options())
        assert isinstance(look, Look)
        steps = shown_as_text(look).partition("pruned\n")[2].split("\n")[:-1]
        assert [int(step.split()[0]) for step in steps] == list(range(1, look.history[-1].step + 1))
        marks = {"live": "|", "finished": "#", "pruned": "-"}
        for step, shown in enumerate(steps, start=1):
            nodes = [node for node in look.history if node.step == step]
            assert [cell[0] for cell in shown.split("  ")[-len(nodes) :]] == [marks[node.fate] for node in nodes]
            fates |= {node.fate for node in nodes}
        best = [look.history_tokens[number] for number in look.n_best[0].path]
        assert [cell.partition("*")[2].split(" ")[0] for cell in " ".join(steps).split("  ") if "*" in cell] == best
    assert fates == {"live", "finished", "pruned"}
