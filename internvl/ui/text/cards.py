"""What is said when something goes wrong: a title, a sentence, and the next step as a button.

`error.<kind>` takes the facts of an error of that kind (see `internvl.ui.cards`); without facts
`error.<kind>.plain` is said.
"""

WORDS: dict[str, tuple[str, str]] = {
    # Titles
    "title.long": ("Too long for the model", "超出模型长度"),
    "title.queue": ("Many people are asking", "提问的人较多"),
    "title.memory": ("Not enough memory", "内存不足"),
    "title.limit": ("More than this page takes", "超出本页限制"),
    "title.attachment": ("This file can't be used", "此文件无法使用"),
    "title.engine": ("The model can't answer", "模型无法回答"),
    "title.unexpected": ("Something went wrong", "出了点问题"),
    # The engine
    "error.long": (
        "This chat is {tokens:,} tokens long ({visual:,} of them for pictures; a word is one or "
        "two), and the model can look at {context:,} at once.",
        "此对话共 {tokens:,} 个词元（其中图片 {visual:,} 个），而模型一次最多处理 {context:,} 个。",
    ),
    "error.long.plain": ("This chat is too long.", "此对话过长，模型无法一次处理。"),
    "error.queue": (
        "{questions} questions are being answered or waiting, the most this machine takes. Yours "
        "is kept: please try again in a minute.",
        "已有 {questions} 个问题正在回答或排队，达到本机上限。您的问题已保留，请稍后再试。",
    ),
    "error.queue.plain": ("Please try again in a minute.", "排队人数已满，请稍后再试。"),
    "error.memory": (
        "This needs about {needed:.1f} GB beside the model, and {free:.1f} GB are free.",
        "除模型外约需 {needed:.1f} GB 内存，目前只剩 {free:.1f} GB。",
    ),
    "error.memory.plain": (
        "There is not enough memory for this question.",
        "内存不足，无法处理这个问题。",
    ),
    "error.engine.plain": (
        "The model can't answer.",
        "模型未能加载，或无法作答。运行本页的人可以在终端中看到原因。",
    ),
    # What one visitor may ask for
    "error.file": (
        "{name} has {megabytes:.0f} MB; {most:.0f} MB is the most. Please use a smaller file.",
        "{name} 有 {megabytes:.0f} MB，上限为 {most:.0f} MB。请换一个较小的文件。",
    ),
    "error.room": (
        "This session holds {files} files already, the most it can. Please delete a chat to make "
        "room.",
        "此会话已有 {files} 个文件，达到上限。请删除一个对话以腾出空间。",
    ),
    "error.chats": (
        "{chats} chats are more than this page keeps; {most} is the most. Please delete some "
        "first.",
        "{chats} 个对话超过本页上限 {most} 个，请先删除一些。",
    ),
    "error.question": (
        "The question has {characters:,} characters; {most:,} is the most. Please shorten it.",
        "问题有 {characters:,} 个字符，上限为 {most:,}。请缩短。",
    ),
    "error.reason": (
        "Your reason has {characters:,} characters; {most:,} is the most. Please shorten it.",
        "说明有 {characters:,} 个字符，上限为 {most:,}。请缩短。",
    ),
    "error.system": (
        "The system message has {characters:,} characters; {most:,} is the most. Please shorten "
        "it.",
        "系统消息有 {characters:,} 个字符，上限为 {most:,}。请缩短。",
    ),
    "error.said": (
        "With this file all your chats would have {characters:,} characters; {most:,} is the most. "
        "Please delete some first.",
        "加上此文件，您的对话共有 {characters:,} 个字符，上限为 {most:,}。请先删除一些。",
    ),
    "error.title": (
        "The title has {characters:,} characters; {most:,} is the most. Please shorten it.",
        "标题有 {characters:,} 个字符，上限为 {most:,}。请缩短。",
    ),
    "error.megapixels": (
        "{name} has {megapixels:.0f} million pixels; {most:.0f} million is the most. Please use a "
        "smaller copy.",
        "{name} 有 {megapixels:.0f} 百万像素，上限为 {most:.0f} 百万。请换一个较小的副本。",
    ),
    # Pictures and videos
    "error.missing": (
        "{name} is not there any more; please attach it again.",
        "{name} 已不存在，请重新添加。",
    ),
    "error.pixels": (
        "{name} has {pixels:,} pixels, and {most:,} is the most; please attach a smaller copy.",
        "{name} 有 {pixels:,} 个像素，上限为 {most:,}。请添加较小的副本。",
    ),
    "error.bomb": (
        "{name} has more than {most:,} pixels; please attach a smaller copy.",
        "{name} 超过 {most:,} 个像素，请添加较小的副本。",
    ),
    "error.picture": (
        "{name} is damaged or no picture of a known kind; please attach a JPEG, PNG, WebP or HEIC "
        "file.",
        "{name} 已损坏或不是可识别的图片。请添加 JPEG、PNG、WebP 或 HEIC 文件。",
    ),
    "error.damaged": (
        "{name} is damaged ({reason}); please save it again as PNG or JPEG and attach that.",
        "{name} 已损坏（{reason}）。请重新存为 PNG 或 JPEG 后添加。",
    ),
    "error.frames": (
        "{wanted} frames are more than this page allows; {most} is the most.",
        "{wanted} 帧超过本页上限 {most}。",
    ),
    "error.tiles": (
        "{wanted} tiles are more than this page allows; {most} is the most.",
        "{wanted} 个图块超过本页上限 {most}。",
    ),
    "error.clip": (
        "{name}: there is nothing between the start and the end of the clip; please move them.",
        "{name}：片段的开始与结束之间没有内容，请调整。",
    ),
    "error.video_pixels": (
        "{frames} frames of {name} are too large together; please choose fewer frames or a smaller "
        "video.",
        "{name} 的 {frames} 帧合计过大，请减少帧数或换一个较小的视频。",
    ),
    "error.frames_damaged": (
        "{name} is damaged: none of the {frames} frames is intact. Please choose another part of "
        "it or another copy.",
        "{name} 已损坏：{frames} 帧都不完整。请选另一段或换一个副本。",
    ),
    "error.slow": (
        "{name} could not be read within {seconds:g} s; please attach a shorter or smaller copy.",
        "{name} 在 {seconds:g} 秒内未能读出，请添加较短或较小的副本。",
    ),
    "error.video": (
        "{name} can't be read as a video: {reason}. Please save it again as MP4 with H.264; most "
        "phones and players can.",
        "{name} 无法作为视频读取（{reason}）。请用手机或播放器重新存为 H.264 编码的 MP4。",
    ),
    "error.codec": (
        "{name} can't be read as a video: its pictures are coded as {codec}, and {reason}. Please "
        "save it again as MP4 with H.264; most phones and players can.",
        "{name} 无法作为视频读取：编码为 {codec}（{reason}）。"
        "请用手机或播放器重新存为 H.264 编码的 MP4。",
    ),
    "error.unknown_video": (
        "{name} is no video of a known kind; please attach an MP4 or WebM file.",
        "{name} 不是可识别的视频。请添加 MP4 或 WebM 文件。",
    ),
    "reason.unknown": (
        "it is no video of a known kind, or a part of it is missing",
        "不是可识别的视频，或文件不完整",
    ),
    "reason.still": ("there are no moving pictures in it", "其中没有活动画面"),
    "reason.decoder": ("there is no decoder for its pictures here", "此服务器没有相应的解码器"),
    "reason.large": ("its frames are too large", "画面尺寸过大"),
    "reason.empty": ("there are no frames in it", "其中没有任何帧"),
    "reason.damaged": ("none of its frames is intact", "没有一帧是完整的"),
    "reason.other": ("its data can't be read", "数据无法读取"),
    "error.pdf_slow": (
        "{name} could not be drawn within {seconds:g} s; please attach fewer pages, or pictures of "
        "them.",
        "{name} 在 {seconds:g} 秒内未能绘出，请减少页数或添加页面的图片。",
    ),
    "error.pdf_password": (
        "{name} is locked with a password; please save it without one and attach that.",
        "{name} 有密码保护，请去除密码后另存再添加。",
    ),
    "error.pdf_damaged": (
        "{name} is damaged or no PDF; please save it again and attach that.",
        "{name} 已损坏或不是 PDF，请重新保存后添加。",
    ),
    "error.pdf_empty": ("{name} has no pages.", "{name} 没有页面。"),
    "error.pdf_missing": (
        "{name} is a PDF, and this server can't read PDFs (pypdfium2 is not installed).",
        "{name} 是 PDF，而此服务器无法读取 PDF（未安装 pypdfium2）。",
    ),
    "error.pdf_page": (
        "{name} has {pages} pages; page {page} is not among them.",
        "{name} 共 {pages} 页，没有第 {page} 页。",
    ),
    # The next step
    "step.again": ("Try again", "再试一次"),
    "step.tiles": ("Try again with {number} tiles", "用 {number} 个图块再试"),
    "step.frames": ("Try again with {number} frames", "用 {number} 帧再试"),
    "step.last": ("Use the last {number} turns", "只用最近 {number} 轮"),
    "step.fresh": ("Ask in a new chat", "在新对话中提问"),
    "step.choose": ("Choose a file", "选择文件"),
    "step.choose.several": ("Choose files", "选择多个文件"),
    "step.write": ("Go to the question", "去修改问题"),
    "step.chats": ("Open the list of chats", "打开对话列表"),
    "step.usual": ("Use the usual settings", "使用默认设置"),
    "step.reload": ("Reload the page", "刷新页面"),
    "step.fit.tiles": ("Use {number} tiles", "改用 {number} 个图块"),
    "step.fit.frames": ("Use {number} frames", "改用 {number} 帧"),
    "step.fit.fresh": ("Start a new chat", "新建对话"),
    "card.kept": (
        "The whole chat is kept in the list; this one goes on from its last {number} turns.",
        "完整的对话保留在列表中，这里从最近 {number} 轮继续。",
    ),
    # The server is away
    "away.title": ("The server is away", "服务器暂时离线"),
    "away.sentence": (
        "Your chat is kept there. Reconnecting …",
        "您的对话已保存在服务器上，正在重新连接……",
    ),
    "away.back": ("The server is back. Your chat is kept.", "服务器已恢复，您的对话仍在。"),
}
