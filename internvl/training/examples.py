"""Draw the examples that an empty page offers, from held-out scenes.

python -m internvl.training.examples assets/examples

Writes pictures, a clip, and `examples.json` with their titles, questions and right answers. How
many a model gets right tells `python -m benchmarks.examples`.
"""

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

from internvl.training.scenes import Scene, draw

SEED = 41
LANGUAGES = ("en", "zh")
RATE = 8
"""Frames a second of a clip; each frame of its scene stays for two."""


class Chosen(NamedTuple):
    """A scene by kind and number, with its titles and what is asked, each in English and Chinese.

    `task` names the exchange of the scene whose answer is right; in one of "boxes" what is asked is
    what is to be found.
    """

    kind: str
    number: int
    titles: tuple[str, str]
    questions: tuple[str, str]
    task: str

    @property
    def find(self) -> bool:
        """Is something to be found and boxed?"""
        return self.task.startswith("boxes")


CHOSEN = {
    "1-shapes.png": Chosen(
        *("objects", 44, ("Some shapes", "几个图形")),
        ("How many objects are there?", "有几个物体？"),
        "objects/count",
    ),
    "2-sign.png": Chosen(
        *("text", 19, ("A sign", "标牌")),
        ("What colour is the text?", "文字是什么颜色？"),
        "text/colour",
    ),
    "3-chart.png": Chosen(
        *("charts", 52, ("A bar chart", "柱状图")),
        ("What is the value of farm?", "farm 的数值是多少？"),
        "charts/bar-value",
    ),
    "4-receipt.png": Chosen(
        *("documents", 6, ("A receipt in small print", "小字收据")),
        ("What kind of document is this?", "这是什么文件？"),
        "documents/kind",
    ),
    "5-compare.png": Chosen(
        *("images", 62, ("Two pictures to compare", "比较两张图")),
        ("What is the difference between the two pictures?", "两张图有什么不同？"),
        "images/difference",
    ),
    "6-clip.mp4": Chosen(
        *("video", 10, ("A short clip", "一段短片")),
        ("In which direction does it move?", "它朝哪个方向移动？"),
        "video/direction",
    ),
    "7-find.png": Chosen(
        *("objects", 88, ("Something to find and box", "找出并框出物体")),
        ("pink cross", "粉色的十字"),
        "boxes/object",
    ),
}


def write_examples(folder: Path) -> None:
    """Draw the examples into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    listed: dict[str, Any] = {}
    for name, chosen in CHOSEN.items():
        scene = draw(chosen.kind, chosen.number, "held-out", SEED)
        files = _write(scene, folder / name)
        sought = chosen.questions[0] if chosen.find else None
        answers = [
            said.answer
            for said in scene.exchanges
            if said.task == chosen.task and said.region == sought
        ]
        listed[name] = {
            "files": [file.name for file in files],
            "title": dict(zip(LANGUAGES, chosen.titles, strict=True)),
            "question": dict(zip(LANGUAGES, chosen.questions, strict=True)),
            "find": chosen.find,
            "answer": answers[0],
        }
    text = json.dumps(listed, ensure_ascii=False, indent=2)
    (folder / "examples.json").write_text(f"{text}\n", encoding="utf-8")


def _write(scene: Scene, path: Path) -> list[Path]:
    if scene.video:
        _write_clip(scene, path)
        return [path]
    files = [path]
    for number in range(2, len(scene.canvases) + 1):
        files.append(path.with_stem(f"{path.stem}-{number}"))
    for canvas, file in zip(scene.canvases, files, strict=True):
        canvas.image.save(file, optimize=True)
    return files


def _write_clip(scene: Scene, path: Path) -> None:
    import av
    import numpy as np

    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.width, stream.height = scene.canvases[0].size
        stream.pix_fmt = "yuv420p"
        for canvas in scene.canvases:
            frame = np.asarray(canvas.image)
            for _ in range(2):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        container.mux(stream.encode())


if __name__ == "__main__":
    write_examples(Path(sys.argv[1]))
