"""Nouns and adjectives of the sample corpus, as tables.

A column ends at two or more blanks. Nouns: English (with "/" before an irregular plural), gender ("w" for weak nouns),
German singular, German plural ("-" for mass nouns), classes. Adjectives: English, German, German stem before an ending,
comparative, superlative stem, classes. The classes say which words go together; verbs and constructions name them.
"""

NOUNS = """
man/men               m   Mann            Männer            person
woman/women           f   Frau            Frauen            person
child/children        n   Kind            Kinder            person kin
boy                   mw  Junge           Jungen            person
girl                  n   Mädchen         Mädchen           person
friend                m   Freund          Freunde           kin
girlfriend            f   Freundin        Freundinnen       kin single
neighbour             mw  Nachbar         Nachbarn          person kin
colleague             mw  Kollege         Kollegen          kin
student               mw  Student         Studenten         person
tourist               mw  Tourist         Touristen         person
customer              mw  Kunde           Kunden            person
guest                 m   Gast            Gäste             person
teacher               m   Lehrer          Lehrer            person job kin
doctor                m   Arzt            Ärzte             person job
nurse                 f   Krankenschwester  Krankenschwestern  person job
engineer              m   Ingenieur       Ingenieure        person job
baker                 m   Bäcker          Bäcker            person job
cook                  m   Koch            Köche             person job star
gardener              m   Gärtner         Gärtner           person job
lawyer                m   Anwalt          Anwälte           person job star
painter               m   Maler           Maler             person job star
journalist            mw  Journalist      Journalisten      person job star
musician              m   Musiker         Musiker           person job star
waitress              f   Kellnerin       Kellnerinnen      person job
actress               f   Schauspielerin  Schauspielerinnen  person job star
researcher            m   Forscher        Forscher          person job star
policeman/policemen   mw  Polizist        Polizisten        person job
driver                m   Fahrer          Fahrer            person
boss                  m   Chef            Chefs             person kin single
brother               m   Bruder          Brüder            kin family
sister                f   Schwester       Schwestern        kin family
father                m   Vater           Väter             kin single
mother                f   Mutter          Mütter            kin single
son                   m   Sohn            Söhne             kin family
daughter              f   Tochter         Töchter           kin family
uncle                 m   Onkel           Onkel             kin family
aunt                  f   Tante           Tanten            kin family
cousin                m   Cousin          Cousins           kin family
grandmother           f   Großmutter      Großmütter        kin single
grandfather           m   Großvater       Großväter         kin single
dog                   m   Hund            Hunde             animal
cat                   f   Katze           Katzen            animal
horse                 n   Pferd           Pferde            animal
bird                  m   Vogel           Vögel             animal
cow                   f   Kuh             Kühe              animal
goat                  f   Ziege           Ziegen            animal
book                  n   Buch            Bücher            readable goods small lies
newspaper             f   Zeitung         Zeitungen         readable goods small lies
letter                m   Brief           Briefe            readable writable small lies sent
novel                 m   Roman           Romane            readable goods lies
magazine              f   Zeitschrift     Zeitschriften     readable goods lies
message               f   Nachricht       Nachrichten       readable writable sent
report                m   Bericht         Berichte          readable writable sent
postcard              f   Postkarte       Postkarten        writable goods lies sent
text                  m   Text            Texte             readable writable text
story                 f   Geschichte      Geschichten       readable writable text
question              f   Frage           Fragen            text question
sentence              m   Satz            Sätze             text
word                  n   Wort            Wörter            text
answer                f   Antwort         Antworten         text
key                   m   Schlüssel       Schlüssel         small lies
ticket                f   Fahrkarte       Fahrkarten        small lies goods
passport              m   Pass            Pässe             small lies
umbrella              m   Regenschirm     Regenschirme      small goods
bag                   f   Tasche          Taschen           small goods stands luggage
suitcase              m   Koffer          Koffer            goods stands luggage
backpack              m   Rucksack        Rucksäcke         goods luggage small
wallet                m   Geldbeutel      Geldbeutel        small lies
watch                 f   Uhr             Uhren             small goods lies
phone                 n   Handy           Handys            small goods lies machine
camera                f   Kamera          Kameras           small goods lies machine
computer              m   Computer        Computer          goods machine stands device
television            m   Fernseher       Fernseher         goods machine stands device
radio                 n   Radio           Radios            goods machine stands device
lamp                  f   Lampe           Lampen            goods stands device
heating               f   Heizung         -                 device
washing machine       f   Waschmaschine   Waschmaschinen    machine goods
bicycle               n   Fahrrad         Fahrräder         machine goods
car                   n   Auto            Autos             machine goods
picture               n   Bild            Bilder            goods paintable
present               n   Geschenk        Geschenke         goods sent
flower                f   Blume           Blumen            goods sent
map                   f   Karte           Karten            goods small lies
pen                   m   Stift           Stifte            goods small lies
glass                 n   Glas            Gläser            stands
cup                   f   Tasse           Tassen            stands goods
bottle                f   Flasche         Flaschen          stands
plate                 m   Teller          Teller            stands
vase                  f   Vase            Vasen             stands goods
knife/knives          n   Messer          Messer            lies goods
fork                  f   Gabel           Gabeln            lies
spoon                 m   Löffel          Löffel            lies
table                 m   Tisch           Tische            furniture goods
chair                 m   Stuhl           Stühle            furniture goods
bed                   n   Bett            Betten            furniture goods
sofa                  n   Sofa            Sofas             furniture goods
cupboard              m   Schrank         Schränke          furniture goods
shelf/shelves         n   Regal           Regale            furniture goods
coat                  m   Mantel          Mäntel            clothes goods
jacket                f   Jacke           Jacken            clothes goods
shirt                 n   Hemd            Hemden            clothes goods
dress                 n   Kleid           Kleider           clothes goods
skirt                 m   Rock            Röcke             clothes goods
hat                   m   Hut             Hüte              clothes goods
jumper                m   Pullover        Pullover          clothes goods
scarf/scarves         m   Schal           Schals            clothes goods
shoe                  m   Schuh           Schuhe            pair goods
boot                  m   Stiefel         Stiefel           pair goods
glove                 m   Handschuh       Handschuhe        pair goods
apple                 m   Apfel           Äpfel             food fruit
orange                f   Orange          Orangen           food fruit
banana                f   Banane          Bananen           food fruit
pear                  f   Birne           Birnen            food fruit
cake                  m   Kuchen          Kuchen            food dish
egg                   n   Ei              Eier              food fruit
sausage               f   Wurst           Würste            food
soup                  f   Suppe           Suppen            food dish
salad                 m   Salat           Salate            food dish
pizza                 f   Pizza           Pizzas            food dish
potato/potatoes       f   Kartoffel       Kartoffeln        fruit
tomato/tomatoes       f   Tomate          Tomaten           fruit
bread                 n   Brot            -                 massfood
cheese                m   Käse            -                 massfood
fish                  m   Fisch           -                 massfood
meat                  n   Fleisch         -                 massfood
rice                  m   Reis            -                 massfood
coffee                m   Kaffee          -                 drink
tea                   m   Tee             -                 drink
milk                  f   Milch           -                 drink
water                 n   Wasser          -                 drink
wine                  m   Wein            -                 drink
beer                  n   Bier            -                 drink
juice                 m   Saft            -                 drink
house                 n   Haus            Häuser            building rentable
flat                  f   Wohnung         Wohnungen         building room rentable
kitchen               f   Küche           Küchen            room
bathroom              n   Bad             Bäder             room
bedroom               n   Schlafzimmer    Schlafzimmer      room
room                  n   Zimmer          Zimmer            room
office                n   Büro            Büros             room place
garden                m   Garten          Gärten            outside
window                n   Fenster         Fenster           openable
door                  f   Tür             Türen             openable
box                   f   Kiste           Kisten            openable
garage                f   Garage          Garagen           openable rentable
station               m   Bahnhof         Bahnhöfe          place sight
airport               m   Flughafen       Flughäfen         place
post office           f   Post            -                 place
bank                  f   Bank            Banken            place
church                f   Kirche          Kirchen           place sight
museum                n   Museum          Museen            place sight
theatre               n   Theater         Theater           place sight
cinema                n   Kino            Kinos             place
hotel                 n   Hotel           Hotels            place building
restaurant            n   Restaurant      Restaurants       place
hospital              n   Krankenhaus     Krankenhäuser     place building
school                f   Schule          Schulen           place building
university            f   Universität     Universitäten     place
library               f   Bibliothek      Bibliotheken      place building
bakery                f   Bäckerei        Bäckereien        place
pharmacy              f   Apotheke        Apotheken         place
supermarket           m   Supermarkt      Supermärkte       place
town hall             n   Rathaus         Rathäuser         place sight
swimming pool         n   Schwimmbad      Schwimmbäder      place
zoo                   m   Zoo             Zoos              place sight
park                  m   Park            Parks             place sight outside
bridge                f   Brücke          Brücken           place sight
castle                n   Schloss         Schlösser         sight building rentable
tower                 m   Turm            Türme             sight building
village               n   Dorf            Dörfer            town
city                  f   Stadt           Städte            town
island                f   Insel           Inseln            town
train                 m   Zug             Züge              vehicle
bus                   m   Bus             Busse             vehicle
tram                  f   Straßenbahn     Straßenbahnen     vehicle
taxi                  n   Taxi            Taxis             vehicle
ship                  n   Schiff          Schiffe           ship
flight                m   Flug            Flüge             bookable
trip                  f   Reise           Reisen            bookable event
film                  m   Film            Filme             show event
concert               n   Konzert         Konzerte          event
exhibition            f   Ausstellung     Ausstellungen     event
party                 f   Party           Partys            event
meeting               f   Sitzung         Sitzungen         work
course                m   Kurs            Kurse             work
competition           m   Wettbewerb      Wettbewerbe       work
holiday               m   Urlaub          -                 event
weekend               n   Wochenende      Wochenenden       event
wedding               f   Hochzeit        Hochzeiten        event
contract              m   Vertrag         Verträge          paper
form                  n   Formular        Formulare         paper
bill                  f   Rechnung        Rechnungen        bill
problem               n   Problem         Probleme          matter
idea                  f   Idee            Ideen             matter
plan                  m   Plan            Pläne             matter
decision              f   Entscheidung    Entscheidungen    matter
mistake               m   Fehler          Fehler            matter
noise                 m   Lärm            -                 trouble
weather               n   Wetter          -                 trouble
food                  n   Essen           -                 trouble
rain                  m   Regen           -                 nature
snow                  m   Schnee          -                 nature
storm                 m   Sturm           Stürme            nature
"""

ADJECTIVES = """
old          alt            alt            älter          ältest          person animal goods building town clothes
young        jung           jung           jünger         jüngst          person animal
friendly     freundlich     freundlich     freundlicher   freundlichst    person
polite       höflich        höflich        höflicher      höflichst       person
clever       klug           klug           klüger         klügst          person animal
famous       berühmt        berühmt        berühmter      berühmtest      star sight
lazy         faul           faul           fauler         faulst          person animal
small        klein          klein          kleiner        kleinst         animal goods building town room luggage fruit
big          groß           groß           größer         größt           animal goods building town room luggage fruit
new          neu            neu            neuer          neuest          goods building clothes matter work
beautiful    schön          schön          schöner        schönst         goods building town sight clothes event
cheap        billig         billig         billiger       billigst        goods clothes food
expensive    teuer          teur           teurer         teuerst         goods clothes bookable
heavy        schwer         schwer         schwerer       schwerst        luggage furniture
modern       modern         modern         moderner       modernst        building machine
empty        leer           leer           leerer         leerst          room luggage stands
clean        sauber         sauber         sauberer       sauberst        room clothes stands
dark         dunkel         dunkl          dunkler        dunkelst        room
bright       hell           hell           heller         hellst          room
quiet        ruhig          ruhig          ruhiger        ruhigst         town room
warm         warm           warm           wärmer         wärmst          clothes room
fresh        frisch         frisch         frischer       frischest       food fruit massfood
sweet        süß            süß            süßer          süßest          fruit
cold         kalt           kalt           kälter         kältest         drink
hot          heiß           heiß           heißer         heißest         drink
long         lang           lang           länger         längst          readable event clothes work
short        kurz           kurz           kürzer         kürzest         readable event
interesting  interessant    interessant    interessanter  interessantest  readable event matter sight
boring       langweilig     langweilig     langweiliger   langweiligst    readable event work
important    wichtig        wichtig        wichtiger      wichtigst       matter work paper text
difficult    schwierig      schwierig      schwieriger    schwierigst     text matter work
easy         leicht         leicht         leichter       leichtest       text
good         gut            gut            besser         best            readable event matter food
bad          schlecht       schlecht       schlechter     schlechtest     event matter
red          rot            rot            -              -               goods clothes pair colour
blue         blau           blau           -              -               goods clothes pair colour
green        grün           grün           -              -               goods clothes pair colour
black        schwarz        schwarz        -              -               goods clothes pair colour
white        weiß           weiß           -              -               goods clothes pair colour
yellow       gelb           gelb           -              -               goods clothes pair colour
brown        braun          braun          -              -               goods clothes pair colour
"""
