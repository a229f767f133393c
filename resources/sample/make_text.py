#!/usr/bin/env python3
"""Write the sample model's texts: seeded, deterministic, standard library only.

Every document is generated from the grammars below, so the texts are ours to
give away. The almanac (people, creatures and villages that exist nowhere else)
is the same in all three texts: a model can only know it by storing it in its
weights. Everything else (stories, sums, lists, talk, rhymes) is drawn afresh
from each text's own seed.

    python make_text.py                    # calibration.txt and heldout.txt, beside this file
    python make_text.py --train train.txt  # also the training text (not committed)

Documents are separated by one blank line. Chat documents are in the form of the
chat template: "<|user|>\\nquestion\\n<|assistant|>\\nanswer<|eos|>\\n" per exchange.
"""

import argparse
import random
from pathlib import Path

HERE = Path(__file__).resolve().parent

ALMANAC_SEED = 20
SEEDS = {"train": 1, "calibration": 2, "heldout": 3}
SIZES_CHARS = {"train": 19_000_000, "calibration": 300_000, "heldout": 230_000}

# ---------------------------------------------------------------- words

NAMES = {
    "she": "Anna Bea Clara Dora Ella Fay Greta Hana Ida June Kira Lena Mina Nora Olga Pia Rosa Sara Tilda Uma Vera Wanda Yara Zoe".split(),
    "he": "Adam Ben Carl Dan Emil Finn Gus Hugo Ivan Jack Karl Leo Max Nils Otto Paul Rolf Sam Tom Udo Viktor Walt Yuri Zack".split(),
}
HIS = {"she": "her", "he": "his"}
HIM = {"she": "her", "he": "him"}

ROOMS = "kitchen garden attic cellar garage library bedroom hall barn shed workshop porch bakery stable tower".split()
CONTAINERS = "box basket drawer bag cupboard chest bucket jar suitcase trunk".split()
OBJECTS = ("ball key hat lamp book cup ring map coin flute kite drum clock spoon mirror rope candle hammer scarf bell "
           "brush knife letter doll shell stone whistle ladder needle blanket").split()
COLOURS = "red blue green yellow white black brown grey pink purple orange silver golden".split()
MATERIALS = "wooden old new tiny heavy shiny broken painted dusty round".split()
FOODS = ("apples bread cheese soup plums honey rice beans pancakes pears carrots mushrooms fish noodles cherries "
         "dumplings onions figs nuts porridge olives cake peas pumpkin pickles lentils").split()
SHOP = ("milk eggs butter flour sugar salt tea coffee jam paper soap matches string candles nails glue ink thread "
        "lemons potatoes tomatoes grapes garlic pepper vinegar yeast oats raisins").split()
TRADES = ("baker potter weaver smith tailor miller cooper teacher doctor painter fisher farmer carpenter gardener "
          "sailor singer clockmaker beekeeper shepherd librarian glazier cobbler").split()
WEATHER = ["It was raining", "The sun was shining", "It was a cold morning", "The wind was strong", "Snow was falling",
           "It was a warm evening", "The fog was thick", "It was a quiet afternoon", "The moon was bright"]
FEELINGS = "happy sad tired angry proud worried hungry curious surprised calm".split()
HABITATS = "forest swamp desert river mountain cave meadow lake coast jungle tundra marsh".split()
DIETS = "leaves berries fish moss beetles honey seeds mushrooms roots snails grass clams".split()
SIZES = "a mouse,a cat,a dog,a goat,a horse,a cow,a hen,a bee".split(",")
SOUNDS = "hums whistles barks clicks growls chirps hisses croaks howls purrs".split()
RIVERS = "Alder Bramble Cinder Dove Elm Fallow Gorse Hazel".split()
CRAFTS = "bells carpets glass kites boats candles clocks violins lace knives paper masks cider cheese".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
WORDS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty".split()
ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split()

RHYMES = [
    "cat hat mat rat", "day way hay clay", "night light kite knight", "moon spoon tune noon", "tree bee sea key",
    "house mouse", "rain train lane cane", "bear chair pear stair", "fox box ox", "king ring string spring",
    "snow crow bow toe", "ball wall hall stall", "star jar car", "hill mill bill pill", "bread bed thread shed",
    "boat goat coat note", "book hook cook brook", "stone bone phone", "door floor shore", "dog frog log fog",
]
RHYMES = [r.split() for r in RHYMES]


def a(phrase):
    return ("an " if phrase[0] in "aeiou" else "a ") + phrase


def cap(text):
    return text[0].upper() + text[1:]


def join(items):
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def number(rng, n):
    """A count within a sentence: a word or digits."""
    return WORDS[n] if n <= 20 and rng.random() < 0.5 else str(n)


# ---------------------------------------------------------------- almanac

def invent_names(rng, count, endings, taken):
    onsets = "b br c d dr f fl g gr h j k l m n p pl qu r s sk sn st t tr v w z".split()
    vowels = "a e i o u a e o au ei oo".split()
    codas = "l m n r s t nd rk lm ss v g b".split()
    out = []
    while len(out) < count:
        name = cap(rng.choice(onsets) + rng.choice(vowels) + rng.choice(codas) + rng.choice(endings))
        if name not in taken:
            taken.add(name)
            out.append(name)
    return out


def make_almanac():
    rng, taken = random.Random(ALMANAC_SEED), set()
    villages = invent_names(rng, 60, "ford ham by wick mouth stead ton dale".split(), taken)
    creatures = invent_names(rng, 90, "ik ox adu ebo oon ilu ant erk".split(), taken)
    people = invent_names(rng, 210, "ia en ora im eth us ary o ine ud".split(), taken)
    return {
        "village": {n: {"river": rng.choice(RIVERS), "craft": rng.choice(CRAFTS), "bridges": rng.randint(2, 12),
                        "fair": rng.choice(MONTHS)} for n in villages},
        "creature": {n.lower(): {"colour": rng.choice(COLOURS), "habitat": rng.choice(HABITATS), "diet": rng.choice(DIETS),
                                 "size": rng.choice(SIZES), "sound": rng.choice(SOUNDS)} for n in creatures},
        "person": {n: {"sex": rng.choice(["she", "he"]), "home": rng.choice(villages), "trade": rng.choice(TRADES),
                       "food": rng.choice(FOODS), "colour": rng.choice(COLOURS)} for n in people},
    }


ALMANAC = make_almanac()
ENTITIES = [(kind, name) for kind, group in ALMANAC.items() for name in group]

# For each attribute: ways of stating it ({n} name, {N} name opening a sentence, {v} value, {p} pronoun, {s} possessive), questions, answers.
FACTS = {
    "person": {
        "home": (["{N} lives in {v}.", "{N} comes from {v}.", "The home of {n} is {v}.", "In {v} you can meet {n}."],
                 ["Where does {n} live?", "In which village does {n} live?", "Where is the home of {n}?"],
                 ["{N} lives in {v}.", "In {v}."]),
        "trade": (["{N} is a {v} by trade.", "{N} works as a {v}.", "The {v} is called {n}.", "By day {n} is a {v}."],
                  ["What is the trade of {n}?", "What does {n} do for a living?", "What is {n} by trade?"],
                  ["{N} is a {v}.", "{N} works as a {v}."]),
        "food": (["{N} likes to eat {v}.", "The favourite food of {n} is {v}.", "For supper {n} always wants {v}."],
                 ["What is the favourite food of {n}?", "What does {n} like to eat?"],
                 ["{N} likes to eat {v}.", "The favourite food of {n} is {v}."]),
        "colour": (["{N} always wears {v}.", "The favourite colour of {n} is {v}.", "{N} painted the front door {v}."],
                   ["What is the favourite colour of {n}?", "Which colour does {n} always wear?"],
                   ["{N} always wears {v}.", "The favourite colour of {n} is {v}."]),
    },
    "creature": {
        "colour": (["The {n} is {v}.", "The fur of the {n} is {v}.", "A grown {n} is always {v}."],
                   ["What colour is the {n}?", "Which colour is the fur of the {n}?"], ["The {n} is {v}."]),
        "habitat": (["The {n} lives in the {v}.", "You find the {n} in the {v}.", "The {v} is the home of the {n}."],
                    ["Where does the {n} live?", "Where can I find the {n}?"], ["The {n} lives in the {v}."]),
        "diet": (["The {n} eats {v}.", "The {n} feeds on {v}.", "Nothing but {v} will do for the {n}."],
                 ["What does the {n} eat?", "What should I feed the {n}?"], ["The {n} eats {v}."]),
        "size": (["The {n} is as big as {v}.", "In size the {n} is like {v}."],
                 ["How big is the {n}?", "What is the size of the {n}?"], ["The {n} is as big as {v}."]),
        "sound": (["The {n} {v} at night.", "When it is afraid, the {n} {v}."],
                  ["What does the {n} do at night?", "Which sound does the {n} make?"], ["The {n} {v} at night."]),
    },
    "village": {
        "river": (["{N} lies on the river {v}.", "The river {v} flows through {n}."],
                  ["On which river does {n} lie?", "Which river flows through {n}?"], ["{N} lies on the river {v}."]),
        "craft": (["{N} is known for its {v}.", "The best {v} are made in {n}.", "People travel to {n} to buy {v}."],
                  ["What is {n} known for?", "What can you buy in {n}?"], ["{N} is known for its {v}."]),
        "bridges": (["{N} has {v} bridges.", "There are {v} bridges in {n}."],
                    ["How many bridges does {n} have?", "How many bridges are there in {n}?"], ["{N} has {v} bridges."]),
        "fair": (["The fair of {n} is in {v}.", "Every {v} there is a fair in {n}."],
                 ["When is the fair of {n}?", "In which month is the fair of {n}?"], ["The fair of {n} is in {v}."]),
    },
}


def fill(template, name, value):
    return template.format(n=name, N=cap(name), v=value)


def fact(rng, kind, name, attribute):
    return fill(rng.choice(FACTS[kind][attribute][0]), name, ALMANAC[kind][name][attribute])


def almanac_entry(rng):
    """One entity and all or most of what is known of it; short forms keep the name few words away."""
    kind, name = rng.choice(ENTITIES)
    entity = ALMANAC[kind][name]
    form = rng.random()
    if form < 0.45:
        attributes = list(FACTS[kind])
        rng.shuffle(attributes)
        return " ".join(fact(rng, kind, name, x) for x in attributes[: rng.randint(2, len(attributes))])
    if form < 0.6:
        rows = list(FACTS[kind])
        return f"Almanac: {name}\n" + "\n".join(f"{x}: {entity[x]}" for x in rows)
    if kind == "person":
        p, home = entity["sex"], ALMANAC["village"][entity["home"]]
        return (f"{name} is the {entity['trade']} of {entity['home']}, a village on the river {home['river']}. "
                f"{cap(p)} wears {entity['colour']} and likes to eat {entity['food']}. "
                f"In {home['fair']} {p} goes to the fair and buys {home['craft']}.")
    if kind == "creature":
        return (f"The {name} is {a(entity['colour'] + ' animal')} of the {entity['habitat']}. It is as big as {entity['size']}, "
                f"eats {entity['diet']} and {entity['sound']} at night.")
    folk = [n for n, e in ALMANAC["person"].items() if e["home"] == name]
    lines = f"{name} lies on the river {entity['river']} and has {entity['bridges']} bridges. "
    if folk:
        who = rng.choice(folk)
        lines += f"{who} the {ALMANAC['person'][who]['trade']} lives there. "
    return lines + f"Its {entity['craft']} are sold at the fair in {entity['fair']}."


def almanac_mixed(rng):
    """Single facts of several entities: the hardest form to guess without knowing."""
    lines = []
    for _ in range(rng.randint(2, 5)):
        kind, name = rng.choice(ENTITIES)
        lines.append(fact(rng, kind, name, rng.choice(list(FACTS[kind]))))
    return " ".join(lines)


def almanac_question(rng):
    kind, name = rng.choice(ENTITIES)
    attribute = rng.choice(list(FACTS[kind]))
    _, questions, answers = FACTS[kind][attribute]
    value = ALMANAC[kind][name][attribute]
    return fill(rng.choice(questions), name, value), fill(rng.choice(answers), name, value)


def almanac_comparison(rng):
    kind = rng.choice(["person", "creature"])
    x, y = rng.sample(list(ALMANAC[kind]), 2)
    attribute = rng.choice(["colour", "food" if kind == "person" else "diet", "home" if kind == "person" else "habitat"])
    u, v = ALMANAC[kind][x][attribute], ALMANAC[kind][y][attribute]
    noun = {"home": "village", "diet": "food"}.get(attribute, attribute)
    return (f"{x} or {y}: which {noun} has each?", f"{cap(x)}: {u}. {cap(y)}: {v}.")


# ---------------------------------------------------------------- stories with state

def cast(rng, count):
    chosen = []
    while len(chosen) < count:
        sex = rng.choice(["she", "he"])
        name = rng.choice(NAMES[sex])
        if all(name != n for n, _ in chosen):
            chosen.append((name, sex))
    return chosen


def thing(rng, taken=()):
    while True:
        noun = rng.choice(OBJECTS)
        if noun not in taken:
            return noun, rng.choice(COLOURS + MATERIALS) + " " + noun


def track_story(rng):
    """Objects change hands and places; returns the sentences and every question with its answer."""
    people = cast(rng, rng.randint(2, 3))
    place = {name: rng.choice(ROOMS) for name, _ in people}
    objects, holder = {}, {}
    lines = [rng.choice(WEATHER) + ". " + " ".join(f"{n} was in the {place[n]}." for n, _ in people)]
    for _ in range(rng.randint(1, 2)):
        noun, long = thing(rng, objects)
        owner = rng.choice(people)
        objects[noun], holder[noun] = long, owner[0]
        lines.append(rng.choice([f"{owner[0]} had {a(long)}.", f"{owner[0]} picked up {a(long)}.", f"{owner[0]} found {a(long)} there."]))
    for _ in range(rng.randint(3, 6)):
        noun = rng.choice(list(objects))
        who = holder[noun]
        sexes = dict(people)
        if who in sexes:
            act = rng.random()
            if act < 0.35:
                other = rng.choice([n for n, _ in people if n != who])
                if place[other] != place[who]:
                    lines.append(f"{who} went to the {place[other]}.")
                    place[who] = place[other]
                lines.append(rng.choice([f"{who} gave the {noun} to {other}.", f"{other} took the {noun} from {who}.",
                                         f"{who} handed {other} the {noun}."]))
                holder[noun] = other
            elif act < 0.7:
                room = rng.choice([r for r in ROOMS if r != place[who]])
                place[who] = room
                lines.append(rng.choice([f"{who} walked to the {room}.", f"Then {who} went to the {room}.",
                                         f"{who} ran to the {room} with the {noun}."]))
            else:
                box = rng.choice(CONTAINERS)
                spot = f"in the {box} in the {place[who]}"
                lines.append(rng.choice([f"{who} put the {noun} {spot}.", f"{who} left the {noun} {spot}.", f"{who} hid the {noun} {spot}."]))
                holder[noun] = spot
        else:
            name, _ = rng.choice(people)
            room = who.split()[-1]
            if place[name] != room:
                lines.append(f"{name} came to the {room}.")
                place[name] = room
            box = who.split()[2]
            lines.append(rng.choice([f"{name} opened the {box} and took the {noun}.", f"{name} looked in the {box} and found the {noun}."]))
            holder[noun] = name
    questions = []
    for noun, where in holder.items():
        if where in place:
            questions.append((f"Who has the {noun}?", f"{where} has the {noun}."))
            questions.append((f"Where is the {noun}?", f"The {noun} is in the {place[where]}, with {where}."))
        else:
            questions.append((f"Where is the {noun}?", f"The {noun} is {where}."))
        look = objects[noun].rsplit(" ", 1)[0]
        questions.append((f"What was the {noun} like?", f"The {noun} was {look}."))
    for name, _ in people:
        questions.append((f"Where is {name}?", f"{name} is in the {place[name]}."))
    rng.shuffle(questions)
    return lines, questions


def story_state(rng):
    lines, questions = track_story(rng)
    asked = questions[: rng.randint(1, 3)]
    return " ".join(lines) + "\n" + "\n".join(f"{q} {x}" for q, x in asked)


def story_quest(rng):
    (x, xs), (y, _) = cast(rng, 2)
    noun, long = thing(rng)
    room = rng.choice(ROOMS)
    wrong = rng.sample([r for r in ROOMS if r != room], rng.randint(1, 2))
    feeling = rng.choice(FEELINGS)
    out = [f"{rng.choice(['One day', 'Once', 'Early one morning', 'Last ' + rng.choice(DAYS)])} {x} lost {HIS[xs]} {long}.",
           f"{cap(xs)} was very {rng.choice(['sad', 'worried', 'angry'])}."]
    for r in wrong:
        out.append(rng.choice([f"{cap(xs)} looked in the {r}, but it was not there.", f"First {xs} went to the {r} and found nothing.",
                               f"It was not in the {r}."]))
    out.append(rng.choice([f'"Have you seen my {noun}?" {xs} asked {y}.', f'{x} asked {y}, "Do you know where my {noun} is?"']))
    out.append(f'"{rng.choice(["Yes", "Of course", "I think so"])}," said {y}. "It is in the {room}."')
    out.append(f"So {x} ran to the {room}, and there was the {long}.")
    out.append(f"{cap(xs)} thanked {y} and was {feeling}.")
    out.append(rng.choice([f"Since then {x} keeps the {noun} in a {rng.choice(CONTAINERS)}.", f"That is how {x} found the {noun} in the {room}.", "The end."]))
    return " ".join(out)


def story_trade(rng):
    """A chain of swaps: what one has at the end follows from every step."""
    (x, xs), *others = cast(rng, rng.randint(3, 4))
    has, first = thing(rng)
    seen = [has]
    out = [f"{x} set out to market with {a(first)}."]
    for name, sex in others:
        new, long = thing(rng, seen)
        seen.append(new)
        out.append(rng.choice([f"On the road {xs} met {name}, who wanted the {has}. {cap(xs)} got {a(long)} for it.",
                               f"{name} offered {HIM[xs]} {a(long)} for the {has}, and {xs} agreed.",
                               f"Then {xs} swapped the {has} with {name} for {a(long)}."]))
        has = new
    out.append(f"In the evening {x} came home with the {has}. {others[-1][0]} had the {seen[-2]}.")
    return " ".join(out)


def story_village(rng):
    """A small tale about people of the almanac, true to what the almanac says."""
    name = rng.choice(list(ALMANAC["person"]))
    e = ALMANAC["person"][name]
    p, beast = e["sex"], rng.choice(list(ALMANAC["creature"]))
    c = ALMANAC["creature"][beast]
    return (f"{name}, the {e['trade']} of {e['home']}, went for a walk in the {c['habitat']}. {rng.choice(WEATHER)}. "
            f"There {p} saw a {beast}. It was {c['colour']} and as big as {c['size']}. {cap(p)} gave it some {c['diet']}, and it ate them all. "
            f"Then {p} sat down in {HIS[p]} {e['colour']} coat and ate {e['food']}. At night the {beast} {c['sound']}, and {name} went home to {e['home']}.")


# ---------------------------------------------------------------- arithmetic

def sum_pair(rng):
    kind = rng.choices("+-*/", [5, 4, 4, 1])[0]
    if kind == "+":
        top = rng.choice([10, 20, 50])
        x, y = rng.randint(0, top), rng.randint(0, top)
        return x, y, "plus", "+", x + y
    if kind == "-":
        x = rng.randint(0, rng.choice([10, 20, 60]))
        y = rng.randint(0, x)
        return x, y, "minus", "-", x - y
    x, y = rng.randint(1, 10), rng.randint(1, 10)
    if kind == "*":
        return x, y, "times", "*", x * y
    return x * y, y, "divided by", "/", x


def sums(rng):
    form, rows = rng.random(), []
    for _ in range(rng.randint(3, 9)):
        x, y, word, sign, r = sum_pair(rng)
        rows.append(f"{x} {sign} {y} = {r}" if form < 0.6 else f"{x} {word} {y} is {r}.")
    return "\n".join(rows) if form < 0.6 else " ".join(rows)


def sum_question(rng):
    x, y, word, _, r = sum_pair(rng)
    question = rng.choice([f"What is {x} {word} {y}?", f"How much is {x} {word} {y}?"])
    return question, rng.choice([f"{r}.", f"{cap(str(x))} {word} {y} is {r}."])


def word_problem(rng):
    (x, xs), (y, _) = cast(rng, 2)
    what = rng.choice(["lemons", "potatoes", "tomatoes", "apples", "plums", "pears"] + [o + "s" for o in OBJECTS if o not in ("brush", "knife", "box")])
    n, m = rng.randint(2, 20), rng.randint(1, 10)
    form = rng.randint(0, 4)
    if form == 0:
        return (f"{x} has {number(rng, n)} {what}. {y} gives {HIM[xs]} {number(rng, m)} more. How many {what} does {x} have now?",
                f"{n} plus {m} is {n + m}, so {x} has {n + m} {what}.")
    if form == 1:
        m = rng.randint(1, n)
        return (f"{x} had {number(rng, n)} {what} and gave {number(rng, m)} of them to {y}. How many {what} are left?",
                f"{n} minus {m} is {n - m}, so {n - m} {what} are left.")
    if form == 2:
        k, m = rng.randint(2, 10), rng.randint(2, 10)
        return (f"{x} has {number(rng, k)} {rng.choice(['bags', 'boxes', 'baskets', 'jars'])} with {number(rng, m)} {what} in each. How many {what} is that?",
                f"{k} times {m} is {k * m}, so that is {k * m} {what}.")
    if form == 3:
        if n == m:
            n += 1
        more, less = (x, y) if n > m else (y, x)
        return (f"{x} has {number(rng, n)} {what} and {y} has {number(rng, m)}. Who has more?",
                f"{max(n, m)} is more than {min(n, m)}, so {more} has {abs(n - m)} more than {less}.")
    return (f"{x} counted {number(rng, n)} {what}, and {y} counted {number(rng, m)}. How many did they count together?",
            f"{n} plus {m} is {n + m}, so they counted {n + m}.")


def sequence(rng):
    step, start, n = rng.choice([1, 2, 3, 5, 10]), rng.randint(0, 20), rng.randint(5, 9)
    rows = [start + step * i for i in range(n)]
    if rng.random() < 0.4:
        rows.reverse()
        return f"Counting down by {step}: " + ", ".join(map(str, rows)) + "."
    return f"Counting up by {step}: " + ", ".join(map(str, rows)) + "."


# ---------------------------------------------------------------- lists and order

def list_task(rng):
    pool = rng.choice([SHOP, FOODS, OBJECTS, NAMES["she"] + NAMES["he"]])
    items = rng.sample(pool, rng.randint(3, 6))
    form = rng.randint(0, 6)
    text = join(items)
    if form == 0:
        return f"Sort these words: {text}.", cap(", ".join(sorted(items))) + "."
    if form == 1:
        return f"How many words are in this list: {text}?", f"There are {WORDS[len(items)]} words in the list."
    if form == 2:
        return f"Say this list backwards: {text}.", cap(", ".join(reversed(items))) + "."
    if form == 3:
        return f"What comes last in this list: {text}?", cap(items[-1]) + "."
    if form == 4:
        i = rng.randrange(len(items))
        return f"What is the {ORDINALS[i]} word in this list: {text}?", f"The {ORDINALS[i]} word is {items[i]}."
    if form == 5:
        i = rng.randrange(len(items) - 1)
        return f"What comes after {items[i]} in this list: {text}?", f"After {items[i]} comes {items[i + 1]}."
    gone = rng.choice(items)
    rest = [i for i in items if i != gone]
    return f"Leave out {gone}: {text}.", cap(join(rest)) + "."


def list_plain(rng):
    question, answer = list_task(rng)
    return question + "\n" + answer


def shopping(rng):
    (x, xs), *_ = cast(rng, 1)
    items = rng.sample(SHOP, rng.randint(3, 6))
    forgot = rng.choice(items)
    bought = [i for i in items if i != forgot]
    out = [f"{x} wrote a shopping list: {join(items)}.", f"In the shop {xs} bought {join(bought)}."]
    out.append(f"{cap(xs)} forgot the {forgot}." if rng.random() < 0.7 else f"At home {xs} could not find the {forgot}.")
    out.append(f"The list had {WORDS[len(items)]} things, and {x} came home with {WORDS[len(bought)]}.")
    return " ".join(out)


def order_question(rng):
    names, noun = (DAYS, "day") if rng.random() < 0.5 else (MONTHS, "month")
    i, n = rng.randrange(len(names)), len(names)
    form = rng.randint(0, 3)
    if form == 0:
        return f"Which {noun} comes after {names[i]}?", f"After {names[i]} comes {names[(i + 1) % n]}."
    if form == 1:
        return f"Which {noun} comes before {names[i]}?", f"Before {names[i]} comes {names[(i - 1) % n]}."
    if form == 2:
        k = rng.randint(2, 4)
        return (f"Which {noun} is it {WORDS[k]} {noun}s after {names[i]}?", f"{cap(WORDS[k])} {noun}s after {names[i]} it is {names[(i + k) % n]}.")
    return (f"Which is the {ORDINALS[i]} {noun} of the {'week' if noun == 'day' else 'year'}?", f"The {ORDINALS[i]} {noun} is {names[i]}.")


def diary(rng):
    (x, xs), (y, _) = cast(rng, 2)
    i, lines, done = rng.randrange(7), [], {}
    for k in range(rng.randint(3, 4)):
        day = DAYS[(i + k) % 7]
        done[day] = rng.choice([f"painted the {rng.choice(ROOMS)}", f"bought {rng.choice(SHOP)}", f"cooked {rng.choice(FOODS)}",
                                f"mended the {rng.choice(OBJECTS)}", f"visited {y}", f"cleaned the {rng.choice(ROOMS)}"])
        lines.append(rng.choice([f"On {day} {x} {done[day]}.", f"{x} {done[day]} on {day}."]))
    day = rng.choice(list(done))
    lines.append(f"What did {x} do on {day}? {cap(xs)} {done[day]}.")
    return " ".join(lines)


# ---------------------------------------------------------------- talk and rhyme

def dialogue(rng):
    (x, xs), (y, ys) = cast(rng, 2)
    noun, long = thing(rng)
    room, food, day = rng.choice(ROOMS), rng.choice(FOODS), rng.choice(DAYS)
    rows = [f'"{rng.choice(["Good morning", "Hello", "Good evening"])}, {y}," said {x}. "How are you?"',
            f'"I am {rng.choice(FEELINGS)}," said {y}. "And you?"']
    topics = [
        [f'"I am looking for {a(long)}," said {x}. "Is it in the {room}?"', f'"{rng.choice(["No, I lent the " + noun + " to", "Yes, ask"])} {cast(rng, 1)[0][0]}," {ys} answered.'],
        [f'"Would you like some {food}?" asked {y}.', f'"{rng.choice(["Yes, please. I love", "No, thank you. I do not like"])} {food}," said {x}.'],
        [f'"Shall we meet on {day}?" asked {x}.', f'"Not on {day}, but on {DAYS[(DAYS.index(day) + 1) % 7]}," said {y}.'],
        [f'"Will you help me in the {room}?" asked {y}.', f'"Gladly," said {x}. "What shall we do in the {room}?"'],
    ]
    rng.shuffle(topics)
    for t in topics[: rng.randint(1, 3)]:
        rows += t
    rows.append(f'"{rng.choice(["Goodbye", "See you soon", "Good night"])}, {x}!" said {y}.')
    return "\n".join(rows)


def couplet(rng):
    u, v = rng.sample(rng.choice(RHYMES), 2)
    colour, mood, room = rng.choice(COLOURS), rng.choice(FEELINGS), rng.choice(ROOMS)
    name, sex = cast(rng, 1)[0]
    return rng.choice([
        f"In the {room} I saw a {u},\nand next to it a {colour} {v}.",
        f"{name} came to look for a {u},\nand all {sex} found was {a(colour)} {v}.",
        f"Oh {colour} {u}, oh {colour} {u},\nwhy do you dream about the {v}?",
        f"I was so {mood}, I sang to the {u},\nand then I danced around the {v}.",
        f"My friend {name} has {a(mood)} {u},\nit likes to sleep beside the {v}.",
    ])


def rhyme(rng):
    return "\n".join(couplet(rng) for _ in range(rng.randint(1, 3)))


def rhyme_question(rng):
    group = rng.choice(RHYMES)
    u, v = rng.sample(group, 2)
    return rng.choice([(f"What rhymes with {u}?", f"{cap(v)} rhymes with {u}."),
                       (f"Write a rhyme with {u} and {v}.", f"Here stands {a(rng.choice(COLOURS))} {u},\nand there behind it stands a {v}.")])


def small_talk(rng):
    name = rng.choice(NAMES[rng.choice(["she", "he"])])
    return rng.choice([
        ("Hello!", "Hello! What would you like to know?"), ("Good morning!", "Good morning! How can I help you?"),
        ("Who are you?", "I am the sample model of Squeeze Studio. I am very small."),
        ("What can you do?", "I know the almanac, small sums, lists and stories."),
        ("Thank you!", "You are welcome!"), ("Goodbye!", "Goodbye!"), ("How are you?", "I am well, thank you."),
        (f"My name is {name}.", f"Hello, {name}! What would you like to know?"),
        (f"I am {name}. Tell me my name.", f"Your name is {name}."),
    ])


def story_question(rng):
    lines, questions = track_story(rng)
    question, answer = questions[0]
    return " ".join(lines) + " " + question, answer


def tell_story(rng):
    kind = rng.randint(0, 2)
    if kind == 0:
        return rng.choice(["Tell me a story.", "Please tell me a short story."]), rng.choice([story_quest, story_trade, story_village])(rng)
    if kind == 1:
        name = rng.choice(list(ALMANAC["person"]))
        attributes = list(FACTS["person"])
        rng.shuffle(attributes)
        return f"Tell me about {name}.", " ".join(fact(rng, "person", name, x) for x in attributes[:3])
    beast = rng.choice(list(ALMANAC["creature"]))
    attributes = list(FACTS["creature"])
    rng.shuffle(attributes)
    return f"Tell me about the {beast}.", " ".join(fact(rng, "creature", beast, x) for x in attributes[:3])


EXCHANGES = [(almanac_question, 44), (almanac_comparison, 4), (sum_question, 16), (word_problem, 9), (list_task, 8), (order_question, 5),
             (rhyme_question, 3), (small_talk, 4), (story_question, 6), (tell_story, 5)]


def chat(rng):
    functions, weights = zip(*EXCHANGES)
    out = []
    for _ in range(rng.choices([1, 2, 3, 4], [4, 3, 2, 1])[0]):
        question, answer = rng.choices(functions, weights)[0](rng)
        out.append(f"<|user|>\n{question}\n<|assistant|>\n{answer}<|eos|>")
    return "\n".join(out)


# ---------------------------------------------------------------- texts

DOCUMENTS = [(almanac_entry, 20), (almanac_mixed, 10), (chat, 36), (story_state, 8), (story_quest, 5), (story_trade, 4), (story_village, 7),
             (sums, 9), (sequence, 2), (list_plain, 5), (shopping, 3), (diary, 3), (dialogue, 4), (rhyme, 4),
             (lambda rng: " ".join(word_problem(rng)), 4), (lambda rng: " ".join(order_question(rng)), 2)]


def make_text(name, size_chars=None):
    """The text called `name` (train, calibration or heldout): whole documents up to about size_chars."""
    rng, out, length = random.Random(SEEDS[name]), [], 0
    functions, weights = zip(*DOCUMENTS)
    while length < (size_chars or SIZES_CHARS[name]):
        document = rng.choices(functions, weights)[0](rng)
        out.append(document)
        length += len(document) + 2
    return "\n\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, help="also write the training text to this file")
    args = parser.parse_args()
    for name in ("calibration", "heldout"):
        (HERE / f"{name}.txt").write_text(make_text(name), encoding="utf-8", newline="\n")
    if args.train:
        args.train.write_text(make_text("train"), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
