"""Dense supervision of the language model: where things stand that a conversation speaks of."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from internvl.chat import Attachment, Conversation, Turn, render
from internvl.model import encode, new_model
from internvl.model.tokenizer import load_tokenizer
from internvl.preprocessing import Grid
from internvl.training.batches import EXACT, collate
from internvl.training.forward import batch_loss
from internvl.training.geometry import Geometry, original_config
from internvl.training.mentions import find_places
from internvl.training.places import Spoken, find_visual_tokens, name_places
from internvl.training.pointing import Pointer
from internvl.training.samples import Mixture, draw_sample
from internvl.training.scenes import Scene, draw
from internvl.training.scenes.canvas import Canvas, load_font
from internvl.training.scores import BOX
from internvl.training.waves import make_waves, miss_positions

NANO = Path("assets/nano")
TINY = Geometry(vision_width=32, vision_layers=1, width=40, layers=1, ffn=64, patch_size=56)
RED = (255, 0, 0)


def two_pictures():
    first, second = Canvas(200, 100, (255, 255, 255)), Canvas(100, 100, (255, 255, 255))
    first.shape("square", "red", RED, (50, 50), 20 * 2**0.5)
    first.shape("circle", "red", RED, (150, 50), 20)
    second.shape("circle", "blue", (0, 0, 255), (50, 50), 20)
    second.text("Apple", (10, 70), load_font("", 20), "black", (0, 0, 0))
    return Scene("images", [first, second])


def test_things_and_lines_have_their_places_by_name():
    names = name_places(two_pictures())
    assert {name: len(named) for name, named in names.items()} == {
        **dict.fromkeys(("red square", "square", "red circle", "blue circle", "apple"), 1),
        **{"circle": 2, "red object": 2, "blue object": 1},
    }
    (square,), (circle,) = names["red square"], names["blue circle"]
    assert square.place == pytest.approx((0.15, 0.3, 0.35, 0.7, 0.0, 0.25, 0.5, 0.0))
    assert circle.place == pytest.approx((0.3, 0.3, 0.7, 0.7, 0.125, 0.5, 0.5, 0.0))
    assert square[1:] == circle[1:] == ((), None, None)
    (left, _, right, _, *look), letters, *_ = names["apple"][0]
    assert left == pytest.approx(0.1)
    assert len(letters) == 5
    assert letters[0][4:] == tuple(look)
    across = [letter.x for letter in letters]
    assert across == sorted(across)
    assert left < across[0]
    assert across[-1] < right


def test_the_colon_of_a_field_is_no_part_of_its_name():
    scene = two_pictures()
    scene.canvases[0].text("City:", (10, 10), load_font("", 20), "black", (0, 0, 0))
    assert "city" in name_places(scene)


def test_things_of_a_video_stand_where_they_are_first_seen_unless_they_move():
    frames = [Canvas(100, 100, (255, 255, 255)) for _ in range(16)]
    for number, frame in enumerate(frames):
        frame.shape("circle", "red", RED, (20, 20), 10)
        frame.shape("star", "red", RED, (20 + 4 * number, 80), 10)
        if number > 11:
            frame.shape("square", "blue", (0, 0, 255), (50, 50), 10 * 2**0.5)
    names = name_places(Scene("video", frames, video=True))
    assert {name: bearer.place.picture for name, (bearer,) in names.items()} == {
        **dict.fromkeys(("red circle", "circle", "red object"), 0.0),
        **dict.fromkeys(("blue square", "square", "blue object"), 12 / 16),
    }
    (square,) = names["blue square"]
    spoken = Spoken(2000, square.place, (square.place,) * 3)
    (looked,) = find_visual_tokens([spoken], range(16 * 64), [Grid(1, 1)] * 16, 8)
    assert looked == (12 * 64 + 4 * 8 + 4,) * 3


def find(question, answer, region=None, scene=None):
    """What is spoken of, the tokens, and the name of every place."""
    tokenizer, names = load_tokenizer(NANO), name_places(scene or two_pictures())
    pictures = () if region else (Attachment("picture", "image"),)
    turn = Turn(question, pictures, answer, region)
    counts = [] if region else [[1]]
    segments = render(Conversation(system="", id="x", turns=[turn]), counts, 4)
    ids, learned = encode(tokenizer, segments)
    called = {}
    for said, name in ((said, name) for said, named in names.items() for name in named):
        if said not in ("square", "circle", "red object", "blue object"):
            called |= {letter: f"{said} {n}" for n, letter in enumerate(name.letters, 1)}
            called.setdefault(name.thing, f"thing of {said}")
            called.setdefault(name.sign, f"sign of {said}")
            called[name.place] = said
    return find_places(ids, learned, tokenizer, names), [tokenizer.decode(n) for n in ids], called


def pointed(*asked, **details):
    """The text up to each token that was found, by place."""
    found, pieces, called = find(*asked, **details)
    return [
        ("".join(pieces[: spoken.token + 1]), called.get(spoken.place, spoken.place))
        for spoken in sorted(found)
    ]


def looked(*asked, **details):
    """What the looking heads look at from the answer's start on, by the token."""
    found, pieces, called = find(*asked, **details)
    start = max(n for n, piece in enumerate(pieces) if piece == "assistant")
    looks = {
        spoken.token: tuple(
            pieces[look].strip() if isinstance(look, int) else look and called[look]
            for look in spoken.looks
        )
        for spoken in found
    }
    return [(pieces[n].strip(" "), looks[n]) for n in range(start, len(pieces)) if n in looks]


def test_the_end_of_a_name_knows_its_place():
    found = pointed("Is the Blue circle left of the red square?", "No")
    assert [name for _, name in found] == ["blue circle", "red square"]
    assert found[0][0].endswith("Is the Blue circle")
    assert found[1][0].endswith("red square")


def test_a_name_within_a_longer_one_is_not_meant():
    assert pointed("Is there a green square? Count the squares.", "0") == []


def test_an_answer_knows_where_to_look_before_it_begins():
    found = pointed("What does it say?", "Apple")
    assert sorted(text.rsplit("<|im_end|>")[-1] for text, name in found if name == "apple") == [
        "\n<|im_start|>assistant",
        "\n<|im_start|>assistant\n",
        "\n<|im_start|>assistant\nApple",
    ]


@pytest.mark.parametrize("line", ["Apple", "bar zip"])
def test_before_a_letter_is_read_it_is_looked_at(line):
    canvas = Canvas(200, 100, (255, 255, 255))
    canvas.text(line, (10, 40), load_font("", 20), "black", (0, 0, 0))
    found = pointed("What does it say?", f"It says {line}.", scene=Scene("text", [canvas]))
    name = line.lower()
    letters = {own: text.rsplit("\n")[-1] for text, own in found if own.startswith(f"{name} ")}
    tokenizer = load_tokenizer(NANO)
    pieces = [tokenizer.decode(token) for token in tokenizer.encode(f"It says {line}.")]
    said, expected = "", {}
    for piece in pieces:
        letter = len(said) + len(piece) - len(piece.lstrip()) - len("It says ")
        if piece.strip() and 0 <= letter < len(line):
            expected[f"{name} {letter + 1}"] = said
        said += piece
    assert len(expected) > 1
    assert {
        own: text for own, text in letters.items() if line[int(own.split()[-1]) - 1] != " "
    } == (expected)


def test_letters_of_a_question_are_not_looked_at():
    found = pointed("Is Apple written there?", "Yes")
    assert [(text.rsplit("\n")[-1], name) for text, name in found] == [
        ("Is Apple", "apple"),
        ("<|im_start|>assistant", "apple"),
        ("", "apple"),
    ]


def test_what_is_known_of_the_only_thing_asked_about_is_passed_on():
    passed = None, "square", "red square"
    assert looked("Which colour has the red square?", "Red") == [
        ("assistant", passed),
        ("\n", passed),
    ]
    assert looked("Is the red square left of the blue circle?", "Yes") == []
    assert looked("What is left of the blue circle?", "A red square.")[1:3] == [
        ("\n", (None, "circle", "red square")),
        ("A", (None, "circle", "red square")),
    ]
    same = ("red square",) * 3
    assert looked("", "<ref>red square</ref>", region="red square")[:2] == [
        ("assistant", same),
        ("\n", same),
    ]


def chart():
    canvas, font = Canvas(400, 400, (255, 255, 255)), load_font("", 20)
    for x, label, value, top in ((50, "Oak", "31", 200), (250, "Elm", "84", 50)):
        bar, sign = (x, top, x + 100, 350), (x, 340, x + 10, 350)
        canvas.text(label, (x, 360), font, "black", (0, 0, 0), bar, sign)
        canvas.text(value, (x, top - 30), font, "black", (0, 0, 0))
    return Scene("charts", [canvas])


def test_a_value_is_looked_for_by_way_of_its_label():
    found = looked("What is the value of Elm?", "84", scene=chart())
    end = load_tokenizer(NANO).tokenize(" Elm")[-1].strip("Ġ")
    assert [(piece, looks[:2]) for piece, looks in found[:3]] == [
        (piece, (None, end)) for piece in ("assistant", "\n", "8")
    ]
    assert [looks[2] for _, looks in found[:3]] == ["84", "84", "84 2"]


def test_what_is_read_but_not_known_is_not_looked_for_at_what_is_asked_about():
    assert looked("How much is Oak?", "Red", scene=chart()) != []
    assert looked("How much is Oak?", "7", scene=chart()) == []
    scene = chart()
    scene.canvases[0].text("31", (350, 360), load_font("", 20), "black", (0, 0, 0))
    assert looked("How much is Oak?", "31", scene=scene) == []


def test_a_cell_is_looked_for_by_way_of_the_last_that_is_named():
    found = looked("What is the Elm of Oak?", "84", scene=chart())
    assert found[0] == ("assistant", (None, "k", "84"))


@pytest.mark.parametrize("number", range(12))
def test_labels_of_charts_know_what_they_stand_for(number):
    scene = draw("charts", number, "train")
    (canvas,) = scene.canvases
    marks = {
        mark.shape: [tuple(m[:4]) for m in canvas.marks if m.shape == mark.shape]
        for mark in canvas.marks
    }
    labels = [line for line in canvas.lines if line.thing]
    asked = {e.answer for e in scene.exchanges if e.task == "charts/kind"}
    if asked == {"A pie chart."}:
        assert [line.thing for line in labels] == marks["slice"]
        assert [line.sign for line in labels] == marks["blob"]
    elif asked == {"A bar chart."}:
        assert [line.thing for line in labels] == marks["blob"]
        assert not any(line.sign or line.text.isdigit() for line in labels)
    else:
        assert not labels


def test_an_extreme_is_looked_at_before_its_label():
    found = looked("Which is the highest?", "Elm", scene=chart())
    first = "thing of elm", "elm", "elm"
    assert found[:2] == [("assistant", first), ("\n", first)]
    assert found[-1][1] == ("elm",) * 3
    passed = looked("Which colour does Oak have?", "Red", scene=chart())[-1][1]
    assert passed[::2] == (None, "sign of oak")


def test_a_name_that_several_share_means_them_in_the_order_of_a_caption():
    scene = two_pictures()
    scene.canvases[0].shape("circle", "red", RED, (100, 80), 10)
    scene.canvases[0].shape("circle", "red", RED, (40, 20), 10)
    places = [name.place for name in name_places(scene)["red circle"]]
    assert [round(place.x, 2) for place in places] == [0.2, 0.75, 0.5]
    found, pieces, _ = find("", "A red circle, a red circle and a red circle.", scene=scene)
    ends = [spoken.place for spoken in sorted(found) if pieces[spoken.token] == " circle"]
    assert ends == places
    assert not find("Is there a red circle?", "Yes", scene=scene)[0]


def test_a_caption_names_things_in_the_order_of_their_places():
    """Triangles too, whose boxes lie higher than they do."""
    several = 0
    for number in range(60):
        scene = draw("objects", number, "train")
        told = next((e.answer for e in scene.exchanges if e.task == "objects/caption"), "")
        for said, bearers in name_places(scene).items():
            parts = re.findall(rf"{said} in the (top|middle|bottom)(?: (left|middle|right))?", told)
            if len(parts) == len(bearers) > 1:
                several += 1
                rows = ["top", "middle", "bottom"]
                for (row, column), bearer in zip(parts, bearers, strict=True):
                    assert abs(rows.index(row) + 0.5 - 3 * bearer.place.y) < 0.8
                    across = ["left", "middle", "right"].index(column or "middle")
                    assert abs(across + 0.5 - 3 * bearer.place.x) < 0.8
    assert several > 20


def test_a_later_name_is_looked_for_before_it_begins():
    found = looked("What do you see?", "I see a red square and a blue circle.")
    assert found[-2:] == [("a", ("blue circle",) * 3), ("circle", ("blue circle",) * 3)]


def test_boxes_are_learned_to_the_nearest_ten_though_they_are_drawn_anywhere():
    tokenizer, mixture = load_tokenizer(NANO), Mixture({"single": 1.0, "objects": 1.0})
    boxes = 0
    for number in range(12):
        sample = draw_sample(number, mixture, tokenizer, 4)
        for box in BOX.finditer(tokenizer.decode(sample.ids)):
            boxes += 1
            assert all(int(side) % 10 == 0 for side in box.groups())
    assert boxes > 3
    exact = [e.answer for n in range(12) for e in draw("objects", n, "held-out", 0).exchanges]
    sides = [int(side) for answer in exact for box in BOX.findall(answer) for side in box]
    assert sum(side % 10 > 0 for side in sides) > 5


def test_the_edges_of_a_box_are_asked_for_where_it_is_written():
    answer = "<ref>red square</ref><box>[[12, 0, 1000, 507]]</box>"
    found = pointed("", answer, region="red square")
    edges = [text for text, place in found if place[:5] == pytest.approx((0.012, 0, 1, 0.507, 0))]
    assert edges[0].endswith("</ref><box>")
    assert edges[-1].endswith("507]]")
    assert len(edges) == len(load_tokenizer(NANO).encode("<box>[[12, 0, 1000, 507]]"))


def test_the_pointer_misses_nothing_where_its_heads_know_the_place():
    pointer = Pointer(new_model(original_config(replace(TINY, layers=2), NANO), NANO))
    tokens = torch.tensor([[0, 3, 7, 7, 7], [1, 8, 5, 5, 5]])
    places = torch.tensor([[0.1, 0.2, 0.3, 0.4, 0, 0, 0, 0], [0.5, 0.1, 0.9, 0.7, 0.125, 0, 0, 0]])
    states = torch.eye(40)[:2] - torch.eye(40)[2:4]  # a norm of the layer leaves them as they are
    hidden = [torch.randn(2, 9, 40) for _ in range(3)]
    for layer in hidden:
        layer[0, 3], layer[1, 8] = states
    with torch.no_grad():
        for head in pointer.heads:
            normed = head[0](states)
            head[1].weight.copy_((torch.linalg.pinv(normed) @ make_waves(places[:, :5])).T)
            head[1].bias.zero_()
    assert pointer(hidden, tokens, places).item() == pytest.approx(0, abs=1e-6)
    assert pointer(hidden, tokens, places.flip(0)) > 0.3
    assert pointer(hidden, tokens.flip(0), places) > 0.3
    # The first head isn't asked where the place comes later.
    hidden[pointer.layers[0]] = torch.zeros(2, 9, 40)
    tokens[:, 2] = -1
    assert pointer(hidden, tokens, places).item() == pytest.approx(0, abs=1e-6)


def test_the_pointer_reads_the_middle_and_the_end():
    model = new_model(original_config(replace(TINY, layers=5), NANO), NANO)
    assert Pointer(model).layers == (3, 5)


def test_samples_of_a_batch_keep_their_places():
    tokenizer, mixture = load_tokenizer(NANO), Mixture({"objects": 1.0, "text": 1.0}, apart=0.5)
    samples = [draw_sample(n, mixture, tokenizer, 4) for n in range(6)]
    batch = collate(samples)
    told = [(row, *spoken) for row, sample in enumerate(samples) for spoken in sample.places]
    assert len(told) > 20
    assert batch.pointed.tolist() == [[row, token, *looks] for row, token, looks, _ in told]
    for place, (*_, own) in zip(batch.places.tolist(), told, strict=True):
        assert place == pytest.approx(tuple(own), nan_ok=True)


def test_what_tells_a_place_exactly_and_the_first_letter_that_is_read_weigh_more():
    tokenizer, mixture = load_tokenizer(NANO), Mixture({"objects": 1.0, "charts": 1.0}, apart=0.5)
    firsts, letters = 0, 0
    for number in range(5, 12):  # two of objects, five of charts
        sample = draw_sample(number, mixture, tokenizer, 4)
        weights = collate([sample]).weights[0]
        things = {token + 1 for token, _, place in sample.places if not place.letter}
        read = {token + 1 for token, _, place in sample.places if place.letter}
        usual = sum(sample.learned) ** -0.5
        for token, learned in enumerate(sample.learned):
            first = token in read and not sample.learned[token - 1]
            expected = learned * usual * (EXACT if token in things or first else 1)
            assert weights[token].item() == pytest.approx(expected)
            firsts, letters = firsts + (first and learned), letters + (token in read and not first)
    assert firsts > 10 and letters > firsts


def test_scenes_told_in_words_have_no_places():
    model = new_model(original_config(TINY, NANO), NANO)
    pointer, tokenizer = Pointer(model), load_tokenizer(NANO)
    missed = {}
    for as_text in (0.0, 1.0):
        mixture = Mixture({"objects": 1.0}, as_text=as_text)
        samples = [draw_sample(n, mixture, tokenizer, model.tokens_per_tile) for n in range(3)]
        missed[as_text] = batch_loss(model, collate(samples), True, pointer=pointer).missed
    assert missed[0.0] > 0.5
    assert missed[1.0] is None


def test_knowing_nothing_of_a_position_misses_all_of_it():
    wanted = make_waves(torch.rand(500, 4))
    assert miss_positions(torch.zeros_like(wanted), wanted).item() == pytest.approx(1, abs=0.05)
    assert miss_positions(wanted, wanted) == 0
