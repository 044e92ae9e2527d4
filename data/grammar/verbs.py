"""Verbs, activities, places and times of the sample corpus, as tables; a column ends at two or more blanks.

Verbs: English base, past, participle; German infinitive ("|" after a separable prefix), third person, participle with
auxiliary, frame. Frames name what the verb needs and the noun classes that fit:
"acc CLASSES", "dat CLASSES", "give CLASSES" (dative and accusative), "PREPOSITION/PREPOSITION CASE CLASSES" (a
prepositional object, English and German), each with "self" where the German verb is reflexive and "state" where English
has no progressive.
"""

VERBS = """
read         read         read         lesen          liest         hat gelesen         acc readable
write        wrote        written      schreiben      schreibt      hat geschrieben     acc writable
buy          bought       bought       kaufen         kauft         hat gekauft         acc goods clothes
sell         sold         sold         verkaufen      verkauft      hat verkauft        acc goods
look for     looked for   looked for   suchen         sucht         hat gesucht         acc small person rentable
find         found        found        finden         findet        hat gefunden        acc small state
forget       forgot       forgotten    vergessen      vergisst      hat vergessen       acc small state
lose         lost         lost         verlieren      verliert      hat verloren        acc small state
need         needed       needed       brauchen       braucht       hat gebraucht       acc goods clothes state
hide         hid          hidden       verstecken     versteckt     hat versteckt       acc small sent
eat          ate          eaten        essen          isst          hat gegessen        acc food massfood fruit
drink        drank        drunk        trinken        trinkt        hat getrunken       acc drink
cook         cooked       cooked       kochen         kocht         hat gekocht         acc massfood
order        ordered      ordered      bestellen      bestellt      hat bestellt        acc dish drink
cut          cut          cut          schneiden      schneidet     hat geschnitten     acc fruit massfood
visit        visited      visited      besuchen       besucht       hat besucht         acc kin sight
see          saw          seen         sehen          sieht         hat gesehen         acc person animal sight state
meet         met          met          treffen        trifft        hat getroffen       acc kin
invite       invited      invited      ein|laden      lädt          hat eingeladen      acc kin
call         called       called       an|rufen       ruft          hat angerufen       acc kin
pick up      picked up    picked up    ab|holen       holt          hat abgeholt        acc kin
greet        greeted      greeted      begrüßen       begrüßt       hat begrüßt         acc person
photograph   photographed  photographed  fotografieren  fotografiert  hat fotografiert  acc animal sight
draw         drew         drawn        zeichnen       zeichnet      hat gezeichnet      acc animal sight
paint        painted      painted      malen          malt          hat gemalt          acc paintable
repair       repaired     repaired     reparieren     repariert     hat repariert       acc machine
turn on      turned on    turned on    ein|schalten   schaltet      hat eingeschaltet   acc device
turn off     turned off   turned off   aus|schalten   schaltet      hat ausgeschaltet   acc device
clean        cleaned      cleaned      putzen         putzt         hat geputzt         acc room
tidy up      tidied up    tidied up    auf|räumen     räumt         hat aufgeräumt      acc room
rent         rented       rented       mieten         mietet        hat gemietet        acc rentable
open         opened       opened       öffnen         öffnet        hat geöffnet        acc openable
close        closed       closed       schließen      schließt      hat geschlossen     acc openable
wash         washed       washed       waschen        wäscht        hat gewaschen       acc clothes
try on       tried on     tried on     an|probieren   probiert      hat anprobiert      acc clothes pair
carry        carried      carried      tragen         trägt         hat getragen        acc luggage
pack         packed       packed       packen         packt         hat gepackt         acc luggage
bring along  brought along  brought along  mit|bringen  bringt      hat mitgebracht     acc sent small
pay          paid         paid         bezahlen       bezahlt       hat bezahlt         acc bill
sign         signed       signed       unterschreiben  unterschreibt  hat unterschrieben  acc paper
fill in      filled in    filled in    aus|füllen     füllt         hat ausgefüllt      acc paper
take         took         taken        nehmen         nimmt         hat genommen        acc vehicle
miss         missed       missed       verpassen      verpasst      hat verpasst        acc vehicle state
book         booked       booked       buchen         bucht         hat gebucht         acc bookable
cancel       cancelled    cancelled    ab|sagen       sagt          hat abgesagt        acc work event
prepare      prepared     prepared     vor|bereiten   bereitet      hat vorbereitet     acc work event
understand   understood   understood   verstehen      versteht      hat verstanden      acc text state
translate    translated   translated   übersetzen     übersetzt     hat übersetzt       acc text
answer       answered     answered     beantworten    beantwortet   hat beantwortet     acc question
watch        watched      watched      sehen          sieht         hat gesehen         acc show
help         helped       helped       helfen         hilft         hat geholfen        dat kin person
thank        thanked      thanked      danken         dankt         hat gedankt         dat kin
trust        trusted      trusted      vertrauen      vertraut      hat vertraut        dat kin state
follow       followed     followed     folgen         folgt         ist gefolgt         dat person animal
congratulate  congratulated  congratulated  gratulieren  gratuliert  hat gratuliert     dat kin
give         gave         given        geben          gibt          hat gegeben         give sent small clothes
send         sent         sent         schicken       schickt       hat geschickt       give sent writable
show         showed       shown        zeigen         zeigt         hat gezeigt         give readable clothes room
bring        brought      brought      bringen        bringt        hat gebracht        give small sent drink
lend         lent         lent         leihen         leiht         hat geliehen        give machine luggage
explain      explained    explained    erklären       erklärt       hat erklärt         give text matter
wait         waited       waited       warten         wartet        hat gewartet        for/auf acc kin vehicle person
talk         talked       talked       sprechen       spricht       hat gesprochen      to/mit dat kin person
talk         talked       talked       sprechen       spricht       hat gesprochen      about/über acc matter event
think        thought      thought      denken         denkt         hat gedacht         about/an acc kin event
dream        dreamed      dreamed      träumen        träumt        hat geträumt        of/von dat building event
look         looked       looked       sich freuen    freut         hat gefreut         forward_to/auf acc event self
complain     complained   complained   sich beschweren  beschwert   hat beschwert       about/über acc trouble work self
remember     remembered   remembered   sich erinnern  erinnert      hat erinnert        -/an acc kin event self state
take part    took part    taken part   teil|nehmen    nimmt         hat teilgenommen    in/an dat work
laugh        laughed      laughed      lachen         lacht         hat gelacht         at/über acc matter
look after   looked after  looked after  sich kümmern  kümmert      hat gekümmert       -/um acc animal kin outside self
"""

# English base, past, participle, fixed words; German the same, with "kein" where the words are negated by it.
ACTIVITIES = """
work        worked      worked       -                 arbeiten      arbeitet  hat gearbeitet      -
sleep       slept       slept        -                 schlafen      schläft   hat geschlafen      -
swim        swam        swum         in the lake       schwimmen     schwimmt  ist geschwommen     im See
dance       danced      danced       -                 tanzen        tanzt     hat getanzt         -
sing        sang        sung         a song            singen        singt     hat gesungen        kein Lied
travel      travelled   travelled    alone             reisen        reist     ist gereist         allein
cook        cooked      cooked       -                 kochen        kocht     hat gekocht         -
watch       watched     watched      TV                fern|sehen    sieht     hat ferngesehen     -
go          went        gone         shopping          ein|kaufen    kauft     hat eingekauft      -
go          went        gone         for a walk        spazieren |gehen  geht  ist spazieren gegangen  -
get up      got up      got up       early             auf|stehen    steht     ist aufgestanden    früh
wake up     woke up     woken up     late              auf|wachen    wacht     ist aufgewacht      spät
come        came        come         back              zurück|kommen  kommt    ist zurückgekommen  -
arrive      arrived     arrived      late              an|kommen     kommt     ist angekommen      spät
go out      went out    gone out     -                 aus|gehen     geht      ist ausgegangen     -
stay        stayed      stayed       at home           bleiben       bleibt    ist geblieben       zu Hause
go          went        gone         home              gehen         geht      ist gegangen        nach Hause
go          went        gone         to bed            gehen         geht      ist gegangen        ins Bett
play        played      played       football          spielen       spielt    hat gespielt        kein Fußball m
play        played      played       tennis            spielen       spielt    hat gespielt        kein Tennis
play        played      played       chess             spielen       spielt    hat gespielt        kein Schach
play        played      played       the piano         spielen       spielt    hat gespielt        kein Klavier
play        played      played       cards             spielen       spielt    hat gespielt        kein Karten p
listen      listened    listened     to music          hören         hört      hat gehört          kein Musik f
learn       learned     learned      German            lernen        lernt     hat gelernt         kein Deutsch
learn       learned     learned      Spanish           lernen        lernt     hat gelernt         kein Spanisch
smoke       smoked      smoked       -                 rauchen       raucht    hat geraucht        -
drive       drove       driven       too fast          fahren        fährt     ist gefahren        zu schnell
run         ran         run          in the park       laufen        läuft     ist gelaufen        im Park
work        worked      worked       in the garden     arbeiten      arbeitet  hat gearbeitet      im Garten
have        had         had          breakfast         frühstücken   frühstückt  hat gefrühstückt  -
rest        rested      rested       -                 sich aus|ruhen  ruht    hat ausgeruht       -
hurry       hurried     hurried      -                 sich beeilen  beeilt    hat beeilt          -
"""

# English "to" and "in", German direction and place.
DESTINATIONS = """
to the cinema         at the cinema          ins Kino            im Kino
to the theatre        at the theatre         ins Theater         im Theater
to the restaurant     at the restaurant      ins Restaurant      im Restaurant
to the museum         at the museum          ins Museum          im Museum
to the swimming pool  at the swimming pool   ins Schwimmbad      im Schwimmbad
to the library        in the library         in die Bibliothek   in der Bibliothek
to the office         in the office          ins Büro            im Büro
to the kitchen        in the kitchen         in die Küche        in der Küche
to the park           in the park            in den Park         im Park
to the station        at the station         zum Bahnhof         am Bahnhof
to the airport        at the airport         zum Flughafen       am Flughafen
to the market         at the market          auf den Markt       auf dem Markt
to the sea            by the sea             ans Meer            am Meer
to the doctor         at the doctor's        zum Arzt            beim Arzt
to the bakery         at the bakery          zur Bäckerei        in der Bäckerei
to the bank           at the bank            zur Bank            in der Bank
to the mountains      in the mountains       in die Berge        in den Bergen
"""

# English and German name, direction after fahren; "in" for countries with an article.
COUNTRIES = """
Germany          Deutschland       nach Deutschland     in Deutschland      aus Deutschland
Austria          Österreich        nach Österreich      in Österreich       aus Österreich
Switzerland      die Schweiz       in die Schweiz       in der Schweiz      aus der Schweiz
Italy            Italien           nach Italien         in Italien          aus Italien
France           Frankreich        nach Frankreich      in Frankreich       aus Frankreich
Spain            Spanien           nach Spanien         in Spanien          aus Spanien
Turkey           die Türkei        in die Türkei        in der Türkei       aus der Türkei
Poland           Polen             nach Polen           in Polen            aus Polen
England          England           nach England         in England          aus England
Japan            Japan             nach Japan           in Japan            aus Japan
Norway           Norwegen          nach Norwegen        in Norwegen         aus Norwegen
the Netherlands  die Niederlande   in die Niederlande   in den Niederlanden  aus den Niederlanden
"""

CITIES = (
    "Berlin Hamburg München:Munich Köln:Cologne Frankfurt Dresden Leipzig Bremen Bonn Wien:Vienna Zürich:Zurich "
    "Rom:Rome Paris London Madrid Prag:Prague Warschau:Warsaw Lissabon:Lisbon"
)

# When, English and German; which tense the time belongs to: past, future, habit or now.
TIMES = """
yesterday             gestern               past
last week             letzte Woche          past
last year             letztes Jahr          past-long
last Monday           letzten Montag        past
two days ago          vor zwei Tagen        past
a week ago            vor einer Woche       past
three months ago      vor drei Monaten      past-long
this morning          heute Morgen          past
yesterday evening     gestern Abend         past
the day before yesterday  vorgestern        past
tomorrow              morgen                future
next week             nächste Woche         future
next month            nächsten Monat        future-long
next summer           nächsten Sommer       future-long
tonight               heute Abend           future
the day after tomorrow  übermorgen          future
tomorrow morning      morgen Vormittag      future
in two weeks          in zwei Wochen        future
in an hour            in einer Stunde       future
soon                  bald                  future
every day             jeden Tag             habit
every morning         jeden Morgen          habit
every week            jede Woche            habit
on Sundays            sonntags              habit
in the evening        am Abend              habit
at the weekend        am Wochenende         habit
in summer             im Sommer             habit-long
in winter             im Winter             habit-long
once a week           einmal pro Woche      habit
today                 heute                 now
"""

# Adverbs that stand before the English verb.
FREQUENCY = """
often      oft
always     immer
never      nie
sometimes  manchmal
usually    meistens
rarely     selten
"""

# A state of a person: English after "be", German after sein.
STATES = """
tired         müde
ill           krank
hungry        hungrig
happy         glücklich
sad           traurig
nervous       nervös
angry         wütend
very busy     sehr beschäftigt
alone         allein
late          zu spät
too young     zu jung
rich          reich
at home       zu Hause
on holiday    im Urlaub
satisfied     zufrieden
"""

# Kinds of verbs, in English: known before (the object is definite), habitual, never done on purpose, done as a favour,
# done over months and seasons.
KNOWN = "forget, lose, hide, bring along, look for, greet, lend, wash"
HABITUAL = """
read, write, buy, eat, drink, cook, order, cut, visit, meet, invite, call, pick up, photograph, draw, paint, clean,
tidy up, wash, pack, take, miss, help, wait, talk, think, dream, complain, look after, forget, lose, watch, go, fly,
drive, travel, explain, give
"""
UNWILLED = "look, dream, laugh, lose, forget, miss, follow, wake up, arrive, find"
FAVOURS = """
open, close, repair, clean, tidy up, carry, pack, bring, bring along, show, explain, give, send, lend, help, call,
pick up, translate, write, sign, fill in, turn on, turn off, pay, order, book, prepare, look after, wash, wait, talk,
buy, look for, invite, answer, cut
"""
LONG = """
sell, buy, visit, meet, rent, photograph, paint, book, fly, drive, travel, move, work, swim, learn, dream, complain,
repair, take part, dance, need, invite, translate
"""

# What somebody may well do in a state: English verbs, alone or with what follows them.
REACTIONS = """
tired        sleep, rest, go home, go to bed, stay at home, drink
ill          stay at home, go to the doctor, rest, cancel, go to bed, sleep
hungry       eat, order, cook, cut, go to the bakery, go to the restaurant
happy        sing a song, dance, invite, thank, call, laugh
sad          call, write, talk, go for a walk, listen to music
nervous      call, wait, smoke, go out, forget, lose
angry        complain, go home, sell, close, cancel
very busy    cancel, forget, work, hurry, miss
alone        call, read, watch TV, listen to music, write, dream
late         hurry, take, miss, drive too fast
too young    help, stay at home, wait, play football
rich         buy, rent, travel, invite, fly
at home      cook, clean, tidy up, read, watch TV, work in the garden, repair
on holiday   swim in the lake, travel, visit, photograph, fly, rest, draw
satisfied    thank, congratulate, buy, pay, sign
"""
