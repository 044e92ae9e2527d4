import pytest

from mtkit.languages.sentences import count_sentences, has_ordinals, sentences


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One sentence.", ["One sentence."]),
        ("No sign at its end", ["No sign at its end"]),
        ("It rains. We stay. Do you? Yes!", ["It rains.", "We stay.", "Do you?", "Yes!"]),
        ('He said "Stop!" Then he left.', ['He said "Stop!"', "Then he left."]),
        ('"Stop!" he said. "Go on."', ['"Stop!" he said.', '"Go on."']),
        ("What?! Really... Yes.", ["What?!", "Really...", "Yes."]),
        ("Wait ... and see.", ["Wait ... and see."]),
        ("Mr. Smith met Dr. Jones at St. Ives.", ["Mr. Smith met Dr. Jones at St. Ives."]),
        ("J. R. R. Tolkien wrote it. I read it.", ["J. R. R. Tolkien wrote it.", "I read it."]),
        ("The U.S. Army came at 5 p.m. on Monday.", ["The U.S. Army came at 5 p.m. on Monday."]),
        ("Es kostet z. B. Geld, d. h. viel.", ["Es kostet z. B. Geld, d. h. viel."]),
        ("Am 3. Oktober kam Ludwig XIV. nach Bonn.", ["Am 3. Oktober kam Ludwig XIV. nach Bonn."]),
        ("That was in 1990. Then he left.", ["That was in 1990.", "Then he left."]),
        ("See No. 5 and Fig. 3 there.", ["See No. 5 and Fig. 3 there."]),
        ("He said no. Then he left.", ["He said no.", "Then he left."]),
        ("Version 3.5 is out. Get it.", ["Version 3.5 is out.", "Get it."]),
        ("这是一句话。那是另一句话。", ["这是一句话。", "那是另一句话。"]),
        ("यह एक वाक्य है। यह दूसरा है।", ["यह एक वाक्य है।", "यह दूसरा है।"]),
        ("هل تمطر؟ نعم.", ["هل تمطر؟", "نعم."]),
        ("¿Llueve? ¡Sí! «Bien.» Vamos.", ["¿Llueve?", "¡Sí!", "«Bien.»", "Vamos."]),
        ("See page . . . . . . 12", ["See page . . . . . . 12"]),
        ("... Then he left. ...", ["... Then he left. ..."]),
        ("!!! ??? ...", ["!!! ??? ..."]),
        ("", [""]),
    ],
)
def test_sentences_end_where_a_reader_sees_it(text: str, parts: list[str]) -> None:
    assert [part for _, part in sentences(text)] == parts
    assert count_sentences(text) == len(parts)


@pytest.mark.parametrize("text", ["One.  Two!\tThree?\u3000Four… Five", "一。 二！三？", "Hm. . . . So. “Yes.” No"])
def test_sentences_and_the_space_between_them_are_the_text(text: str) -> None:
    assert "".join(gap + part for gap, part in sentences(text)) == text
    assert all(part == part.strip() for _, part in sentences(text))


@pytest.mark.parametrize(
    ("language", "parts"),
    [("en", ["It is number 3.", "Hello."]), ("de-AT", ["It is number 3. Hello."]), (None, ["It is number 3. Hello."])],
)
def test_a_number_may_be_an_ordinal_one_where_those_have_a_full_stop(language: str | None, parts: list[str]) -> None:
    found = sentences("It is number 3. Hello.", ordinals=has_ordinals(language))
    assert [part for _, part in found] == parts
    assert len(sentences("1. Open the door", ordinals=has_ordinals(language))) == 1


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Ես գնում եմ։ Դու մնա։", ["Ես գնում եմ։", "Դու մնա։"]),
        ("እኔ እሄዳለሁ። አንተ ቅር።", ["እኔ እሄዳለሁ።", "አንተ ቅር።"]),
        ("ខ្ញុំទៅ។អ្នកនៅ។", ["ខ្ញុំទៅ។", "អ្នកនៅ។"]),
        ("ကျွန်တော်သွားတယ်။ မင်းနေ။", ["ကျွန်တော်သွားတယ်။", "မင်းနေ။"]),
        ("It rains. We stay.", ["It rains.", "We stay."]),
        ("这是一句话。那是另一句话。", ["这是一句话。", "那是另一句话。"]),
        ("See page . . . . . . 12", ["See page . . . . . . 12"]),
        ("។ ។ ។", ["។ ។ ។"]),
    ],
)
def test_sentences_end_in_every_script_where_that_is_asked_for(text: str, parts: list[str]) -> None:
    found = sentences(text, any_script=True)
    assert [part for _, part in found] == parts
    assert "".join(gap + part for gap, part in found) == text
    if "." not in text and "。" not in text:
        assert len(sentences(text)) == 1  # of which the counts of older models speak
