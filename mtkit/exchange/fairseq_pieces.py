"""How fairseq numbers the pieces of a SentencePiece model: four tokens of its own first, each piece one later, then the
languages (Tang et al. 2020, Fan et al. 2021, NLLB Team 2022).
"""

from collections.abc import Mapping
from pathlib import Path

from mtkit.exchange.pieces import needed_file, read_spm, spm_pieces
from mtkit.exchange.tokenizer_json import spm_of_tokenizer_json

_FIRST = ("<s>", "<pad>", "</s>", "<unk>")
_OFFSET = 1

M2M100 = """
af am ar ast az ba be bg bn br bs ca ceb cs cy da de el en es et fa ff fi fr fy ga gd gl gu ha he hi hr ht hu hy
id ig ilo is it ja jv ka kk km kn ko lb lg ln lo lt lv mg mk ml mn mr ms my ne nl no ns oc or pa pl ps pt ro ru
sd si sk sl so sq sr ss su sv sw ta th tl tn tr uk ur uz vi wo xh yi yo zh zu
"""
"""The languages of M2M-100, in the order of their ids."""

WMT21 = "en ha is ja cs ru zh de"
"""The languages of the models of Facebook's for WMT 2021, in the order of their ids."""

MBART50 = """
ar_AR cs_CZ de_DE en_XX es_XX et_EE fi_FI fr_XX gu_IN hi_IN it_IT ja_XX kk_KZ ko_KR lt_LT lv_LV my_MM ne_NP
nl_XX ro_RO ru_RU si_LK tr_TR vi_VN zh_CN af_ZA az_AZ bn_IN fa_IR he_IL hr_HR id_ID ka_GE km_KH mk_MK ml_IN
mn_MN mr_IN pl_PL ps_AF pt_XX sv_SE sw_KE ta_IN te_IN th_TH tl_XX uk_UA ur_PK xh_ZA gl_ES sl_SI
"""
"""The languages of mBART-50, in the order of their ids."""


def fairseq_ids(directory: Path, ids: Mapping[str, int], spm: str) -> tuple[bytes, dict[str, int]]:
    """The SentencePiece model of a tokenizer, and the ids of its pieces.

    Args:
        directory: Of the model.
        ids: What the files of the tokenizer number; all pieces where there is ``tokenizer.json``.
        spm: Name of the SentencePiece model; where it is absent, one is made of ``tokenizer.json``.

    Raises:
        VocabularyError: If neither is there, or it cannot be read.
    """
    has_json = (directory / "tokenizer.json").is_file()
    if has_json and not (directory / spm).is_file():
        return spm_of_tokenizer_json(directory / "tokenizer.json"), dict(ids)
    path = needed_file(directory, spm, "tokenizer.json")
    model = read_spm(path)
    if has_json:
        return model, dict(ids)
    pieces = spm_pieces(model, path)
    first = {piece: number for number, piece in enumerate(_FIRST)}
    rest = {piece: number + _OFFSET for number, piece in enumerate(pieces) if number >= len(_FIRST) - _OFFSET}
    return model, first | rest | dict(ids)
