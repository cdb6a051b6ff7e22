import pytest

from internvl.chat import Attachment, Conversation, Settings, Turn, freeze


def test_settings_refuse_unknown_names_and_values_out_of_range():
    with pytest.raises(TypeError, match="top_k"):
        Settings(top_k=5)
    for wrong in (
        {"temperature": -0.1},
        {"top_p": 1.5},
        {"max_tiles": 0},
        {"max_new_tokens": 0},
        {"seed": -1},
        {"temperature": float("nan")},
    ):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Settings(**wrong)
    with pytest.raises(ValueError, match=r"max_tiles must be a whole number, not 2\.5"):
        Settings(max_tiles=2.5)
    with pytest.raises(ValueError, match="temperature must be a number, not 'hot'"):
        Settings(temperature="hot")


def test_settings_are_frozen():
    with pytest.raises(AttributeError):
        Settings().temperature = 1.0


def test_pictures_of_a_message_share_its_tiles():
    images = [Attachment(f"{n}.png", "image") for n in range(3)]
    assert [a.max_tiles for a in freeze(images, Settings(max_tiles=12))] == [4, 4, 4]
    assert [a.max_tiles for a in freeze(images, Settings(max_tiles=2))] == [1, 1, 1]


def test_a_video_takes_frames_and_no_tiles_from_the_pictures():
    video, image = freeze(
        [Attachment("a.mp4", "video"), Attachment("b.png", "image")], Settings(max_frames=7)
    )
    assert (video.max_frames, video.max_tiles) == (7, None)
    assert (image.max_frames, image.max_tiles) == (None, 12)


def test_what_was_frozen_stays():
    sent = freeze([Attachment("a.png", "image")], Settings(max_tiles=6))
    assert freeze(sent, Settings(max_tiles=24)) == sent


def test_a_turn_carries_one_video_at_most():
    video = Attachment("a.mp4", "video")
    with pytest.raises(ValueError, match="one video"):
        Turn("?", (video, video))


def test_an_attachment_is_an_image_or_a_video():
    with pytest.raises(ValueError, match="'sound'"):
        Attachment("a.wav", "sound")


def test_conversations_are_apart():
    assert Conversation().id != Conversation().id
    assert Conversation().turns is not Conversation().turns
