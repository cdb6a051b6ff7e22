"""A video: its player, its frames, and frames named in an answer."""

WORDS: dict[str, tuple[str, str]] = {
    "clip.unplayable": (
        "This browser can't play this video. The model reads it all the same: it gets the frames "
        "below.",
        "此浏览器无法播放该视频，但模型照样能读：它得到的就是下面这些帧。",
    ),
    "clip.each": ("Each frame costs {tokens} visual tokens.", "每帧占 {tokens} 个视觉词元。"),
    "clip.show": ("Show {frame} in the player", "在播放器中显示 {frame}"),
    "clip.leave": ("Leave out {frame}", "去掉 {frame}"),
    "clip.needless": ("Leave out what adds nothing", "去掉多余的帧"),
    "clip.back": ("Bring back", "放回"),
    "clip.bring": ("Bring back the frame at {time}", "放回 {time} 处的帧"),
    "clip.bring.all": ("Bring all back", "全部放回"),
    "clip.blank": ("Frame-{number} is blank.", "Frame-{number} 是空白的。"),
    "clip.blank.some": ("Frames {numbers} are blank.", "第 {numbers} 帧是空白的。"),
    "clip.blanks": ("{count} of {total} frames are blank.", "{total} 帧中有 {count} 帧是空白的。"),
    "clip.same": (
        "Frame-{first} and Frame-{last} look the same.",
        "Frame-{first} 和 Frame-{last} 看起来一样。",
    ),
    "clip.alike": (
        "Frame-{first} to Frame-{last} look the same.",
        "Frame-{first} 到 Frame-{last} 看起来一样。",
    ),
    "clip.repeats": (
        "{count} of {total} frames look like the one before them.",
        "{total} 帧中有 {count} 帧与前一帧看起来一样。",
    ),
    "clip.play": ("Play", "播放"),
    "clip.close": ("Close the player", "关闭播放器"),
    "clip.gone": (
        "The video can't be reached. Please reload the page; if this stays, the file is no longer "
        "on the server.",
        "无法取得该视频。请刷新页面；如果仍然如此，说明文件已不在服务器上。",
    ),
    "clip.dock.unplayable": (
        "This browser can't play this video.",
        "此浏览器无法播放该视频。",
    ),
    "error.frame": (
        "One frame has to stay; remove the video if you don't want it.",
        "至少要保留一帧；如果不需要，请移除整个视频。",
    ),
}
