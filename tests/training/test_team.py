import torch

from mtkit.training.team import SOLO, Team


def test_alone_a_value_is_the_sum_and_the_answer() -> None:
    team: Team = SOLO
    tensors = [torch.ones(2)]
    assert team.is_first
    assert team.sum(3) == 3
    assert team.sum(tensors) is tensors
    assert torch.equal(tensors[0], torch.ones(2))
    assert team.agree("SIGTERM") == "SIGTERM"
    team.barrier()
