"""The sublayers of a model by the names of its modules and parameters."""

_SHOWN = {
    "self_attention": "self-attention",
    "cross_attention": "cross-attention",
    "feed_forward": "feed-forward",
}


def sublayer_of(name: str) -> str | None:
    """The side and sublayer that a module or parameter of an ``EncoderDecoder`` is in; None outside of all."""
    side, *inner = name.split(".")
    return next((f"{side} {shown}" for sublayer, shown in _SHOWN.items() if sublayer in inner), None)
