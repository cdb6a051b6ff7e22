"""The panes where files arrive, and the tile view."""

WORDS: dict[str, tuple[str, str]] = {
    # The panes
    "image_tab.label": ("Image", "图片"),
    "images_tab.label": ("Several images", "多张图片"),
    "video_tab.label": ("Video", "视频"),
    "image.label": ("A picture", "一张图片"),
    "images.label": ("More pictures", "更多图片"),
    "video.label": ("A video", "一段视频"),
    "drop": ("Drop, paste or choose a file", "拖入、粘贴或选择文件"),
    "drop.several": ("Drop, paste or choose files", "拖入、粘贴或选择多个文件"),
    "exact.label": ("An exact number of tiles", "指定图块数"),
    "max_tiles.label": ("Most tiles per message", "每条消息的最多图块数"),
    "max_tiles.info": (
        "More tiles show finer print and take longer. Several pictures share them; the thumbnails "
        "come on top.",
        "图块越多，小字越清楚，所需时间也越长。多张图片共用，缩略图另计。",
    ),
    "max_frames.label": ("Frames", "帧数"),
    "max_frames.info": (
        "Moments of the clip that the model gets. What happens between them it can't see.",
        "模型得到的瞬间画面；它看不到两帧之间发生的事。",
    ),
    "start.label": ("From (s)", "从（秒）"),
    "end.label": ("To (s)", "到（秒）"),
    "clear.value": ("Remove all", "全部移除"),
    # The tile view
    "tray.empty": (
        "Or just ask: questions without a picture work, too.",
        "也可以直接提问，不必附图片。",
    ),
    "tray.asked": (
        "What you have sent stays part of the chat: just ask on. Add more only if you like.",
        "已发送的内容仍在对话中，直接继续提问即可；也可以再添加。",
    ),
    "tray.examples": ("Or try one of these:", "或者试试这些："),
    "tray.picture": ("Image-{number}", "Image-{number}"),
    "tray.lone": ("Picture", "图片"),
    "tray.video": ("Video", "视频"),
    "tray.remove": ("Remove {name}", "移除 {name}"),
    "tray.alt": (
        "{name}, cut into {columns} x {rows} tiles",
        "{name}，切成 {columns} × {rows} 个图块",
    ),
    "tray.thumbnail": ("thumbnail", "缩略图"),
    "tray.one": ("1 tile", "1 个图块"),
    "tray.several": (
        "{columns} × {rows} tiles + thumbnail = {tiles} tiles",
        "{columns} × {rows} 个图块 + 缩略图 = {tiles} 个图块",
    ),
    "tray.frames": ("{tiles} frames = {tiles} tiles", "{tiles} 帧 = {tiles} 个图块"),
    "tray.tokens": ("read as {tokens} visual tokens", "读作 {tokens} 个视觉词元"),
    "tray.size": ("{width} × {height} pixels.", "{width} × {height} 像素。"),
    "tray.shrunk": (
        "Shrunk to {percent} %: small print may be unreadable.",
        "缩小到 {percent} %：小字可能无法辨认。",
    ),
    "tray.finer": (
        "{tiles} tiles would show it at {percent} %.",
        "用 {tiles} 个图块可达到 {percent} %。",
    ),
    "tray.slightly": ("Shown at {percent} %.", "以 {percent} % 显示。"),
    "tray.enlarged": (
        "Enlarged {factor}×: this adds cost, not detail.",
        "放大 {factor} 倍：只增加开销，不增加细节。",
    ),
    "tray.whole": (
        "Not shrunk: every pixel reaches the model.",
        "未缩小：每个像素都会送到模型。",
    ),
    "tray.allowed": (
        "Of {allowed} tiles allowed, its shape uses {used}.",
        "最多可用 {allowed} 个图块，按其形状使用 {used} 个。",
    ),
    "tray.clip": (
        "From {start} to {end} of {duration}.",
        "取 {start} 到 {end}，全长 {duration}。",
    ),
    "tray.full": (
        "The chat is full: of {tiles} tiles the model will see {seen}, the oldest pictures "
        "smaller or not at all. A new chat or fewer tiles make room.",
        "对话已满：{tiles} 个图块中模型只能看到 {seen} 个，最早的图片会被缩小或略去。"
        "请新建对话或减少图块。",
    ),
    "tray.frame": ("Frame-{number} at {time}", "Frame-{number}，{time}"),
}
