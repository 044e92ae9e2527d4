"""Languages by their codes and English names: ISO 639-1, 639-2, 639-3, and what models call them besides."""

from functools import cache

# The code that stands for a language, its other codes, its names. A language of many kinds has the code of its usual
# kind too (ar ara arb, as a model that says arb means Arabic); codes that ISO 639 has taken back are there (iw, in).
_TABLE = """
    aa aar Afar, ab abk Abkhazian, ae ave Avestan, af afr Afrikaans, ak aka Akan, am amh Amharic, an arg Aragonese,
    ar ara arb Arabic, as asm Assamese, av ava Avaric, ay aym ayr Aymara, az aze azj Azerbaijani, ba bak Bashkir, be
    bel Belarusian, bg bul Bulgarian, bi bis Bislama, bm bam Bambara, bn ben Bengali, bo bod tib Tibetan, br bre
    Breton, bs bos Bosnian, ca cat Catalan/Valencian, ce che Chechen, ch cha Chamorro, co cos Corsican, cr cre Cree,
    cs ces cze Czech, cu chu Church Slavic, cv chv Chuvash, cy cym wel Welsh, da dan Danish, de deu ger German, dv
    div Divehi, dz dzo Dzongkha, ee ewe Ewe, el ell gre Greek, en eng English, eo epo Esperanto, es spa
    Spanish/Castilian, et est ekk Estonian, eu eus baq Basque, fa fas per pes Persian/Farsi, ff ful fuv
    Fulah/Nigerian Fulfulde, fi fin Finnish, fj fij Fijian, fo fao Faroese, fr fra fre French, fy fry
    Frisian/Western Frisian, ga gle Irish, gd gla Scottish Gaelic, gl glg Galician, gn grn gug Guarani, gu guj
    Gujarati, gv glv Manx, ha hau Hausa, he heb iw Hebrew, hi hin Hindi, ho hmo Hiri Motu, hr hrv Croatian, ht hat
    Haitian Creole/Haitian, hu hun Hungarian, hy hye arm Armenian, hz her Herero, ia ina Interlingua, id ind in
    Indonesian, ie ile Interlingue, ig ibo Igbo, ii iii Sichuan Yi, ik ipk Inupiaq, io ido Ido, is isl ice
    Icelandic, it ita Italian, iu iku Inuktitut, ja jpn Japanese, jv jav jw Javanese, ka kat geo Georgian, kg kon
    Kongo/Kikongo, ki kik Kikuyu, kj kua Kuanyama, kk kaz Kazakh, kl kal Greenlandic/Kalaallisut, km khm Khmer, kn
    kan Kannada, ko kor Korean, kr kau knc Kanuri, ks kas Kashmiri, ku kur kmr Kurdish/Northern Kurdish/Kurmanji, kv
    kom Komi, kw cor Cornish, ky kir Kyrgyz/Kirghiz, la lat Latin, lb ltz Luxembourgish, lg lug Ganda/Luganda, li
    lim Limburgish/Limburgan, ln lin Lingala, lo lao Lao, lt lit Lithuanian, lu lub Luba-Katanga, lv lav lvs
    Latvian, mg mlg plt Malagasy, mh mah Marshallese, mi mri mao Maori, mk mkd mac Macedonian, ml mal Malayalam, mn
    mon khk Mongolian, mr mar Marathi, ms msa may zsm Malay, mt mlt Maltese, my mya bur Burmese, na nau Nauru, nb
    nob Norwegian Bokmål/Bokmål, nd nde North Ndebele, ne nep npi Nepali, ng ndo Ndonga, nl nld dut Dutch/Flemish,
    nn nno Norwegian Nynorsk/Nynorsk, no nor Norwegian, nr nbl South Ndebele, nv nav Navajo, ny nya Nyanja/Chichewa,
    oc oci Occitan, oj oji Ojibwa, om orm gaz Oromo, or ori ory Odia/Oriya, os oss Ossetian, pa pan Punjabi/Panjabi,
    pi pli Pali, pl pol Polish, ps pus pbt Pashto/Pushto, pt por Portuguese, qu que quy Quechua, rm roh Romansh, rn
    run Rundi/Kirundi, ro ron rum mo Romanian/Moldovan, ru rus Russian, rw kin Kinyarwanda, sa san Sanskrit, sc srd
    Sardinian, sd snd Sindhi, se sme Northern Sami, sg sag Sango, sh hbs Serbo-Croatian, si sin Sinhala/Sinhalese,
    sk slk slo Slovak, sl slv Slovenian, sm smo Samoan, sn sna Shona, so som Somali, sq sqi alb als Albanian, sr srp
    Serbian, ss ssw Swati/Swazi, st sot Southern Sotho/Sotho, su sun Sundanese, sv swe Swedish, sw swa swh Swahili,
    ta tam Tamil, te tel Telugu, tg tgk Tajik, th tha Thai, ti tir Tigrinya, tk tuk Turkmen, tl tgl Tagalog, tn tsn
    Tswana, to ton Tongan, tr tur Turkish, ts tso Tsonga, tt tat Tatar, tw twi Twi, ty tah Tahitian, ug uig
    Uyghur/Uighur, uk ukr Ukrainian, ur urd Urdu, uz uzb uzn Uzbek, ve ven Venda, vi vie Vietnamese, vo vol Volapük,
    wa wln Walloon, wo wol Wolof, xh xho Xhosa, yi yid ydd ji Yiddish, yo yor Yoruba, za zha ccx Zhuang, zh zho chi
    cmn Chinese/Mandarin, zu zul Zulu, ace Achinese, acm Mesopotamian Arabic, acq Ta'izzi-Adeni Arabic, aeb Tunisian
    Arabic, ajp South Levantine Arabic, apc North Levantine Arabic/Levantine Arabic, ars Najdi Arabic, ary Moroccan
    Arabic, arz Egyptian Arabic, ast Asturian, awa Awadhi, azb South Azerbaijani, ban Balinese, bem Bemba, bho
    Bhojpuri, bjn Banjar, bug Buginese, ceb Cebuano, cjk Chokwe, ckb Central Kurdish/Sorani, crh Crimean Tatar, dik
    Dinka, dyu Dyula, fon Fon, fur Friulian, hne Chhattisgarhi, ilo Ilocano/Iloko, kab Kabyle, kac Kachin, kam
    Kamba, kbp Kabiyè, kea Kabuverdianu/Cape Verdean, kmb Kimbundu, lij Ligurian, lmo Lombard, ltg Latgalian, lua
    Luba-Lulua, luo Luo, lus Mizo, mag Magahi, mai Maithili, min Minangkabau, mni Manipuri/Meitei, mos Mossi, nso ns
    Northern Sotho/Pedi, nus Nuer, pag Pangasinan, pap Papiamento, prs Dari, sat Santali, scn Sicilian, shn Shan,
    szl Silesian, taq Tamasheq, tpi Tok Pisin, tum Tumbuka, tzm Central Atlas Tamazight, umb Umbundu, vec Venetian,
    war Waray, yue Cantonese/Yue Chinese, acw Hijazi Arabic, afb Gulf Arabic, aii Assyrian Neo-Aramaic, alt Southern
    Altai, amw Western Neo-Aramaic, apd Sudanese Arabic, ayl Libyan Arabic, bar Bavarian, bcl Central Bikol, bgc
    Haryanvi, bik Bikol, bum Bulu, bzs Brazilian Sign Language, cho Choctaw, chr Cherokee, cjm Eastern Cham, cjs
    Shor, ckt Chukot, cnh Hakha Chin, crs Seselwa Creole French, dcc Deccan, djk Eastern Maroon Creole,
    doi dgo Dogri, dsb Lower Sorbian, dty Dotyali, efi Efik, fil Filipino, gaa Ga, gcf Guadeloupean Creole French, gil
    Gilbertese, gos Gronings, got Gothic, grc Ancient Greek, gsw Swiss German/Alemannic, guw Gun, hak Hakka Chinese,
    haw Hawaiian, hif Fiji Hindi, hil Hiligaynon, hmn Hmong, hsb Upper Sorbian, iba Iban, inh Ingush, jam Jamaican
    Creole English, jra Jarai, kaa Kara-Kalpak, kek Kekchí, kjh Khakas, koi Komi-Permyak, kok Konkani, kpv
    Komi-Zyrian, krc Karachay-Balkar, krl Karelian, ksh Kölsch, kum Kumyk, lad Ladino, lez Lezghian, lgg Lugbara,
    liv Liv, lld Ladin, lzh Classical Chinese/Literary Chinese, mad Madurese, mas Masai, mdf Moksha, mfe Morisyen,
    mhr Meadow Mari, mnw Mon, mrj Hill Mari, mus Creek, mwl Mirandese, mwr Marwari, myv Erzya, nan Min Nan Chinese,
    nap Neapolitan, nds Low German/Low Saxon, new Newari, nhe Eastern Huasteca Nahuatl, niu Niuean, nog Nogai, nqo
    N'Ko, nyn Nyankole, pau Palauan, pcd Picard, pdc Pennsylvania German, pfl Pfaelzisch, pis Pijin, pms Piemontese,
    pon Pohnpeian, ppl Pipil, quc K'iche', raj Rajasthani, rap Rapanui, rcf Réunion Creole French, rmy Vlax Romani,
    rom Romany, rue Rusyn, sah Yakut, sck Sadri, sco Scots, sgs Samogitian, sma Southern Sami, smn Inari Sami, sms
    Skolt Sami, srn Sranan Tongo, stq Saterfriesisch, swg Swabian, syr Syriac, tcy Tulu, teo Teso, tet Tetum, tkl
    Tokelau, tll Tetela, tvl Tuvalu, tyv Tuvinian, tzo Tzotzil, udm Udmurt, vep Veps, vls West Flemish, vot Votic,
    vro Võro, wuu Wu Chinese, xal Kalmyk, xmf Mingrelian, yap Yapese, yua Yucateco, zdj Ngazidja Comorian, zea
    Zeeuws, zza Zaza
"""


@cache
def codes() -> dict[str, str]:
    """The code that stands for a language, by each of its codes in lower case."""
    return {code: codes[0] for codes, _ in _rows() for code in codes}


@cache
def names() -> dict[str, str]:
    """The code that stands for a language, by each of its English names in lower case."""
    return {name.casefold(): codes[0] for codes, names in _rows() for name in names}


@cache
def english_names() -> dict[str, str]:
    """The English name of a language, by the code that stands for it."""
    return {codes[0]: names[0] for codes, names in _rows()}


@cache
def _rows() -> list[tuple[list[str], list[str]]]:
    """Codes and names of each language."""
    found = []
    for row in " ".join(_TABLE.split()).split(", "):
        words = row.split(" ")
        n = next(number for number, word in enumerate(words) if word[0].isupper())
        found.append((words[:n], " ".join(words[n:]).split("/")))
    return found
