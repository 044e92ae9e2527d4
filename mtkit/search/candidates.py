"""The most probable next tokens of every row, without a softmax over the vocabulary where a sum will do."""

from torch import Tensor


def top_log_probs(logits: Tensor, n: int, *, never: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Rank the tokens of each row.

    Args:
        logits: (M, V), overwritten at ``never``.
        n: How many tokens of each row.
        never: Ids that are not to be chosen. They keep their share of the probability: it is not handed to the others.

    Returns:
        Log-probabilities in float32 (minus infinity where a logit is NaN) and ids, both (M, min(n, V)), best first.
    """
    logits = logits.float()
    log_sum = logits.logsumexp(-1, keepdim=True)
    logits[:, never] = -float("inf")
    values, ids = logits.topk(min(n, logits.size(-1)))
    return (values - log_sum).nan_to_num_(nan=-float("inf"), neginf=-float("inf")), ids
