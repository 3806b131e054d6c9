"""A hundred corrections: four people, each of whom is wrong about twenty-five things.

Every value is a word that stands in no other turn, so that a text can be searched for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PEOPLE = ("Maya", "Tomas", "Ines", "Oskar")

# How it is said, how it is put right, two questions about it in other words, and for each person the wrong
# value and the right one.
TOPICS = (
    (
        "I am allergic to {}.", "I have to correct myself: my allergy is to {}.",
        ("Which food must we keep away from {who}?", "What could make {who} ill at dinner?"),
        (("peanuts", "almonds"), ("shrimps", "mussels"), ("celery", "mustard"), ("lupins", "sesame")),
    ),
    (
        "My dentist appointment is on the {}.", "The dentist has moved me to the {}.",
        ("When does {who} get their teeth looked at?", "What is the date of {who}'s visit to the dentist?"),
        (("third", "nineteenth"), ("fourth", "eleventh"), ("seventh", "twenty-first"), ("ninth", "thirtieth")),
    ),
    (
        "I live in {} now.", "I do not live there any more, my flat is in {}.",
        ("Which town is {who}'s home?", "Where would I find {who}'s apartment?"),
        (("Leeds", "Porto"), ("Gdansk", "Turin"), ("Bergen", "Ghent"), ("Lyon", "Basel")),
    ),
    (
        "My sister is called {}.", "You misheard, my sister's name is {}.",
        ("What is the name of {who}'s sibling?", "How should I address the sister of {who}?"),
        (("Clara", "Kara"), ("Milena", "Helena"), ("Beatriz", "Patricia"), ("Signe", "Inge")),
    ),
    (
        "I work as a {}.", "That was my old job, I am a {} today.",
        ("What does {who} do for a living?", "Which profession does {who} have?"),
        (("florist", "baker"), ("plumber", "roofer"), ("surgeon", "midwife"), ("barber", "tailor")),
    ),
    (
        "The code of my gate is {}.", "They have changed the lock: my gate opens with {}.",
        ("Which digits open {who}'s gate?", "How do I get through the gate at {who}'s place?"),
        (("4711", "8264"), ("1907", "5538"), ("3141", "9020"), ("2718", "6473")),
    ),
    (
        "My favourite drink is {}.", "I have gone off it, what I like to drink is {}.",
        ("What should I pour {who}?", "Which beverage makes {who} happy?"),
        (("cocoa", "chai"), ("cider", "mead"), ("espresso", "matcha"), ("lemonade", "kefir")),
    ),
    (
        "My dog's name is {}.", "Sorry, the dog is called {}; the other one was my neighbour's.",
        ("How do I call {who}'s pet?", "What does the dog of {who} listen to?"),
        (("Biscuit", "Waffle"), ("Rex", "Balto"), ("Luna", "Stella"), ("Pixel", "Widget")),
    ),
    (
        "I drive a {}.", "I sold that car and bought a {}.",
        ("Which vehicle does {who} own?", "What kind of car should I look for when {who} comes?"),
        (("Volvo", "Skoda"), ("Fiat", "Dacia"), ("Saab", "Mazda"), ("Trabant", "Peugeot")),
    ),
    (
        "I am learning {}.", "I gave it up, the language I am learning is {}.",
        ("Which language is {who} studying?", "What foreign tongue does {who} practise?"),
        (("Finnish", "Greek"), ("Korean", "Welsh"), ("Turkish", "Dutch"), ("Arabic", "Hindi")),
    ),
    (
        "We meet at the {} on Fridays.", "It has closed, so on Fridays we meet at the {}.",
        ("Where does {who}'s round come together at the end of the week?", "At which place do I find {who} on a Friday?"),
        (("aquarium", "library"), ("brewery", "bakery"), ("harbour", "museum"), ("stadium", "theatre")),
    ),
    (
        "My birthday is in {}.", "You wrote down the wrong month, my birthday is in {}.",
        ("In which month should I congratulate {who}?", "When does {who} turn a year older?"),
        (("January", "June"), ("February", "August"), ("March", "October"), ("April", "December")),
    ),
    (
        "I play the {}.", "I switched instruments, I play the {} now.",
        ("Which instrument does {who} make music on?", "What would {who} bring to the orchestra?"),
        (("cello", "oboe"), ("trumpet", "harp"), ("banjo", "flute"), ("drums", "violin")),
    ),
    (
        "My train leaves from platform {}.", "It was changed, my train leaves from platform {}.",
        ("Where does {who} board the train?", "On which track do we say goodbye to {who}?"),
        (("twelve", "two"), ("eight", "five"), ("fourteen", "six"), ("sixteen", "one")),
    ),
    (
        "My shirt size is {}.", "It does not fit, my shirt size is {}.",
        ("How large a shirt do I buy for {who}?", "Which size does {who} wear?"),
        (("thirty-six", "thirty-eight"), ("forty", "forty-four"), ("thirty-four", "thirty-two"), ("fifty", "fifty-two")),
    ),
    (
        "I want my walls painted {}.", "I have changed my mind, paint the walls {}.",
        ("Which colour shall {who}'s room get?", "What paint do I need for {who}?"),
        (("turquoise", "beige"), ("crimson", "ivory"), ("lilac", "olive"), ("amber", "indigo")),
    ),
    (
        "My doctor is Dr. {}.", "She has retired, my doctor is Dr. {} now.",
        ("Which physician treats {who}?", "Whom do I call if {who} falls sick?"),
        (("Abernathy", "Castellan"), ("Novak", "Brandt"), ("Moreau", "Fontaine"), ("Lindqvist", "Halvorsen")),
    ),
    (
        "My password hint is {}.", "I reset it, the hint for my password is {}.",
        ("What reminds {who} of the login?", "Which hint did {who} leave for the password?"),
        (("lighthouse", "windmill"), ("compass", "anchor"), ("pyramid", "obelisk"), ("glacier", "volcano")),
    ),
    (
        "I bring {} to the picnic.", "The shop was out of it, I bring {} to the picnic instead.",
        ("What will {who} contribute to the meal outdoors?", "Which food comes from {who} at the picnic?"),
        (("quiche", "hummus"), ("meatballs", "falafel"), ("pretzels", "focaccia"), ("brownies", "strudel")),
    ),
    (
        "My son goes to the {} school.", "He has changed, my son goes to the {} school.",
        ("Where is {who}'s child taught?", "Which school does the boy of {who} attend?"),
        (("Montessori", "Waldorf"), ("Humboldt", "Leibniz"), ("Curie", "Meitner"), ("Darwin", "Pasteur")),
    ),
    (
        "My landlord's name is {}.", "The house was sold, my landlord's name is {}.",
        ("To whom does {who} pay the rent?", "Who owns the flat that {who} rents?"),
        (("Vasquez", "Okafor"), ("Petrov", "Nakamura"), ("Silva", "Kowalski"), ("Berglund", "Rossi")),
    ),
    (
        "I broke my {}.", "The X-ray says it is not that, I broke my {}.",
        ("Which bone of {who} is injured?", "Where does {who} wear the cast?"),
        (("wrist", "elbow"), ("ankle", "knee"), ("collarbone", "rib"), ("thumb", "shin")),
    ),
    (
        "The book I lent you is by {}.", "I looked it up, the book I lent you is by {}.",
        ("Who wrote what {who} gave me to read?", "Which author is on the cover of {who}'s book?"),
        (("Austen", "Eliot"), ("Chekhov", "Gogol"), ("Borges", "Cortazar"), ("Ibsen", "Hamsun")),
    ),
    (
        "I fly with {}.", "They cancelled, I fly with {} now.",
        ("Which airline takes {who}?", "At whose counter does {who} check in?"),
        (("Lufthansa", "Finnair"), ("Ryanair", "Wizz"), ("Iberia", "Vueling"), ("Norwegian", "Icelandair")),
    ),
    (
        "My lucky number is {}.", "I was joking, my lucky number is {}.",
        ("Which number does {who} believe in?", "What would {who} bet on?"),
        (("eleventy", "thirteen"), ("seventeen", "twenty-three"), ("ninety", "eighty-eight"), ("forty-two", "sixty-four")),
    ),
)  # fmt: skip

SMALL_TALK = (
    "It has been raining since the morning.",
    "The bus was late again.",
    "Did you see the game yesterday?",
    "I should go to bed earlier.",
    "Thanks for the lovely evening.",
    "Let us talk about it another time.",
    "The neighbours are moving out.",
)


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that somebody says, and puts right later.

    Attributes:
        wrong, right: The words that tell the two apart.
        questions: The first is asked, and answered, before it is put right; the second only afterwards.
    """

    who: str
    said: str
    corrected: str
    wrong: str
    right: str
    questions: tuple[str, str]


def cases() -> Iterator[Case]:
    """The hundred, person by person."""
    for i, who in enumerate(PEOPLE):
        for said, corrected, questions, values in TOPICS:
            wrong, right = values[i]
            asked = [question.format(who=who) for question in questions]
            yield Case(
                who=who,
                said=said.format(wrong),
                corrected=corrected.format(right),
                wrong=wrong,
                right=right,
                questions=(asked[0], asked[1]),
            )
