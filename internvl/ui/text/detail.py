"""The choice of tiles, the order of pictures, and what the next question will cost."""

WORDS: dict[str, tuple[str, str]] = {
    # The choice of tiles
    "detail.name": ("How closely should it look?", "看得多细？"),
    "detail.quick": ("Quick", "快速"),
    "detail.normal": ("Normal", "标准"),
    "detail.fine": ("Fine print", "小字"),
    "detail.tiles": ("{tiles} tiles", "{tiles} 个图块"),
    # A part of a picture
    "closer.open": ("Look closer", "放大查看"),
    "closer.hint": (
        "Click a tile or drag a box on the picture. The part is added as a picture of its own, at "
        "full detail if there are tiles enough.",
        "点击一个图块，或在图片上拖出方框。该部分会作为单独的图片添加，图块足够时以完整细节显示。",
    ),
    "closer.tile": ("Tile {part} of {name}", "{name} 的图块 {part}"),
    "closer.quarter": ("{part} of {name}", "{name} 的{part}"),
    "closer.quarter.1": ("Top left", "左上"),
    "closer.quarter.2": ("Top right", "右上"),
    "closer.quarter.3": ("Bottom left", "左下"),
    "closer.quarter.4": ("Bottom right", "右下"),
    "closer.raised": (
        "This part is at full detail: the message may now use {tiles} tiles.",
        "此部分以完整细节显示：本条消息现最多可用 {tiles} 个图块。",
    ),
    "closer.most": (
        "This page's tiles show this part at {percent} % at most. A smaller part, or fewer "
        "pictures beside it, would be sharper.",
        "本页的图块最多只能以 {percent} % 显示此部分。选小一些的部分，或减少其他图片，会更清晰。",
    ),
    "closer.file": ("{name} part {number}.png", "{name} 局部 {number}.png"),
    "error.part": (
        "This part of the picture is too small or gone; please mark another.",
        "此部分太小或已不存在，请另选。",
    ),
    # Several pictures
    "tray.earlier": ("Move {title}, {name}, earlier", "将 {title}（{name}）前移"),
    "tray.later": ("Move {title}, {name}, later", "将 {title}（{name}）后移"),
    # What the next question will cost
    "cost.name": ("The next question:", "下一个问题："),
    "cost.one": ("1 tile", "1 个图块"),
    "cost.tiles": ("{tiles} tiles", "{tiles} 个图块"),
    "cost.context": ("chat {percent} % full", "对话已满 {percent} %"),
    "cost.seconds": ("answer begins in {least} to {most} s", "{least}–{most} 秒后开始回答"),
    "cost.within": ("answer begins within {most} s", "{most} 秒内开始回答"),
    "cost.unmeasured": ("time not measured yet", "尚未测得所需时间"),
    "cost.little": ("under 0.1 of {free} GB free memory", "空闲内存 {free} GB 中不到 0.1 GB"),
    "cost.memory": ("{needed} of {free} GB free memory", "空闲内存 {free} GB 中的 {needed} GB"),
    # Pictures of earlier questions
    "earlier.title": ("Earlier pictures, as the model sees them now", "先前的图片，模型目前所见"),
    "earlier.none": ("not seen", "看不到"),
    "earlier.frames": ("{tiles} frames", "{tiles} 帧"),
    "earlier.frame": ("1 frame", "1 帧"),
    "earlier.full": (
        "The chat is full: the oldest give way first, pinned ones last.",
        "对话已满：最早的先让位，已固定的最后让位。",
    ),
    "earlier.room": (
        "When the chat is full, the oldest give way first, pinned ones last.",
        "对话满时，最早的先让位，已固定的最后让位。",
    ),
    "earlier.pin": ("Pin", "固定"),
    "earlier.pinned": ("Pinned", "已固定"),
    "earlier.pin_name": ("Pin {title} at full detail", "固定 {title} 的完整细节"),
    "earlier.pinned_name": ("Pinned {title} at full detail", "已固定 {title} 的完整细节"),
    "cost.fit": ("Make it fit", "调整到放得下"),
    "cost.changed": (
        "Changed: at most {tiles} tiles and {frames} frames. Now it fits.",
        "已调整：最多 {tiles} 个图块、{frames} 帧，现在放得下。",
    ),
    "cost.hopeless": (
        "Fewer tiles are not enough: please remove a picture or start a new chat.",
        "减少图块仍不够：请移除一张图片或新建对话。",
    ),
}
