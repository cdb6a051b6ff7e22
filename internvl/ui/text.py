"""All words of the page, English and Chinese.

A key with a dot names a component of the page and one of its properties: `send.value` is what is
written on the Send button. The other keys are sentences that the handlers fill in.
"""

from collections.abc import Mapping
from typing import Any

LANGUAGES = {"English": "en", "中文": "zh"}

WORDS: dict[str, tuple[str, str]] = {
    # The head of the page
    "tagline.value": (
        "<p class='tagline'>Ask about a picture, and see what the model sees.</p>",
        "<p class='tagline'>就图片提问，看见模型所见。</p>",
    ),
    "language.label": ("Language", "语言"),
    "model.loading": ("loading the model: {percent} %", "正在加载模型：{percent} %"),
    "model.ready": ("ready", "已就绪"),
    "about.title": ("About this model", "关于此模型"),
    "about.embedded": (
        "<b>{name}</b> is a small model of this project's own, trained on pictures this project "
        "draws. It reads English and names the colour and shape of a drawn object. Words, charts "
        "and receipts it is still learning; it does not know photos, people or the world.",
        "<b>{name}</b> 是本项目自行训练的小模型，只用本项目绘制的图片训练。它懂英文，"
        "能说出所绘物体的颜色和形状。文字、图表和收据仍在学习中，照片和现实世界它并不认识。",
    ),
    "about.switch": (
        "For a published model, start the app with",
        "要使用已发布的模型，请这样启动：",
    ),
    "about.published": (
        "<b>{name}</b>, licence: {licence}. Its answers can be wrong: please check what matters.",
        "<b>{name}</b>，许可证：{licence}。回答可能有误，重要内容请核实。",
    ),
    "about.privacy": (
        "Your chats and files stay on this server, apart from other visitors', and are deleted "
        "{time} after your last visit.",
        "您的对话和文件只保存在此服务器上，与其他访客分开，并在最后一次访问 {time}后删除。",
    ),
    "time.hours": ("{number:g} hours", "{number:g} 小时"),
    "time.days": ("{number:g} days", "{number:g} 天"),
    # The panes
    "image_tab.label": ("Image", "图片"),
    "images_tab.label": ("Several images", "多张图片"),
    "video_tab.label": ("Video", "视频"),
    "image.label": ("A picture", "一张图片"),
    "images.label": ("More pictures", "更多图片"),
    "video.label": ("A video", "一段视频"),
    "drop": ("Drop, paste or choose a file", "拖入、粘贴或选择文件"),
    "max_tiles.label": ("Most tiles per message", "每条消息的最多图块数"),
    "max_tiles.info": (
        "More tiles show finer print and take longer.",
        "图块越多，小字越清楚，所需时间也越长。",
    ),
    "max_frames.label": ("Frames", "帧数"),
    "start.label": ("Clip starts at (s)", "片段开始（秒）"),
    "end.label": ("Clip ends at (s)", "片段结束（秒）"),
    "clear.value": ("Remove all", "全部移除"),
    # The tile view
    "tray.empty": (
        "Nothing attached. Questions without a picture work, too.",
        "尚未添加附件。不附图片也可以提问。",
    ),
    "tray.examples": ("Or try one of these", "或者试试这些"),
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
    "tray.tokens": ("{tokens} visual tokens", "{tokens} 个视觉词元"),
    "tray.size": ("{width} × {height} pixels", "{width} × {height} 像素"),
    "tray.shrunk": (
        "shrunk to {percent} %: small print may be unreadable",
        "缩小到 {percent} %：小字可能无法辨认",
    ),
    "tray.slightly": ("shown at {percent} %", "以 {percent} % 显示"),
    "tray.enlarged": (
        "enlarged {factor}×: this adds cost, not detail",
        "放大 {factor} 倍：只增加开销，不增加细节",
    ),
    "tray.allowed": (
        "you allowed {allowed}; this shape uses {used}",
        "上限为 {allowed}，此形状使用 {used}",
    ),
    "tray.clip": ("from {start} to {end} of {duration}", "取 {start} 到 {end}，全长 {duration}"),
    "tray.full": (
        "The context is full: of {tiles} tiles the model will see {seen}, the oldest pictures "
        "smaller or not at all. A new chat or fewer tiles make room.",
        "上下文已满：{tiles} 个图块中模型只能看到 {seen} 个，最早的图片会被缩小或略去。"
        "请新建对话或减少图块。",
    ),
    "tray.frame": ("Frame-{number} at {time}", "Frame-{number}，{time}"),
    # The chat
    "chat.label": ("Conversation", "对话"),
    "chat.placeholder": (
        "### What would you like to know?\nAttach a picture or a video, and ask.",
        "### 想了解什么？\n添加图片或视频，然后提问。",
    ),
    "chats.label": ("Chats", "对话列表"),
    "chats.untitled": ("New chat", "新对话"),
    "new.value": ("New chat", "新对话"),
    "delete.value": ("Delete chat", "删除对话"),
    "question.label": ("Your question", "您的问题"),
    "question.placeholder": ("Ask a question …", "请提问……"),
    "send.value": ("Send", "发送"),
    "stop.value": ("Stop", "停止"),
    "retry.value": ("Retry", "重试"),
    "undo.value": ("Undo", "撤销"),
    "chat.sent": ("in this chat", "已在对话中"),
    "chat.you": ("You: {text}", "您：{text}"),
    "chat.model": ("Model: {text}", "模型：{text}"),
    "chat.stopped": ("stopped", "已停止"),
    "chat.unanswered": ("not answered yet; Retry asks again", "尚未回答，可点“重试”"),
    "chat.smaller": (
        "the context is full: the oldest of {tiles} tiles were left out",
        "上下文已满：共 {tiles} 个图块，最早的未全部看到",
    ),
    "chat.thinking": ("…", "……"),
    "copy": ("Copy", "复制"),
    "copied": ("Copied", "已复制"),
    # The receipt
    "receipt.tiles": ("{tiles} tiles", "{tiles} 个图块"),
    "receipt.tokens": ("{visual_tokens} visual tokens", "{visual_tokens} 个视觉词元"),
    "receipt.first": ("first word after {seconds} s", "{seconds} 秒后出首词"),
    "receipt.speed": ("{speed} tokens/s", "{speed} 词元/秒"),
    "receipt.seed": ("seed {seed}", "种子 {seed}"),
    "receipt.stop": ("complete", "完整"),
    "receipt.length": (
        "cut off at {generated_tokens} tokens",
        "在 {generated_tokens} 个词元处截断",
    ),
    # What is going on
    "status.loading": (
        "The model is still loading ({percent} %); your question comes right after.",
        "模型仍在加载（{percent} %），加载完即回答您的问题。",
    ),
    "status.waiting": ("{place} before you", "前面还有 {place} 位"),
    "status.opening": ("Opening the video", "正在打开视频"),
    "status.reading": ("Reading: {done} of {total} tiles", "正在读图：{done} / {total} 个图块"),
    "status.read": (
        "The model has seen it all: {total} of {total} tiles.",
        "模型已全部看完：{total} / {total} 个图块。",
    ),
    "status.thinking": ("Thinking about the question", "正在思考"),
    "status.answering": ("Answering", "正在回答"),
    "status.answered": ("The answer is ready.", "回答已完成。"),
    # Settings
    "settings.label": ("Settings", "设置"),
    "system.label": ("System message", "系统消息"),
    "system.info": (
        "What the model is told before the first question.",
        "在第一个问题之前告诉模型的话。",
    ),
    "temperature.label": ("Temperature", "温度"),
    "temperature.info": (
        "0 always takes the likeliest word; higher is livelier.",
        "0 总取最可能的词；越高越活泼。",
    ),
    "top_p.label": ("Top-p", "Top-p"),
    "top_p.info": (
        "Only the likeliest words that make up this share.",
        "只从累计概率达到此值的词中选取。",
    ),
    "repetition_penalty.label": ("Repetition penalty", "重复惩罚"),
    "repetition_penalty.info": ("Above 1 makes repeating less likely.", "大于 1 时减少重复。"),
    "max_new_tokens.label": ("Longest answer (tokens)", "最长回答（词元）"),
    "max_new_tokens.info": ("A word is one token or a few.", "一个词约为一到几个词元。"),
    "seed.label": ("Seed", "随机种子"),
    "seed.info": (
        "Empty draws a fresh one; the same seed repeats an answer.",
        "留空则每次随机；相同的种子给出相同的回答。",
    ),
    # What went wrong, and what to do next
    "error.empty": ("Please write a question first.", "请先写一个问题。"),
    "error.visitor": (
        "This page has lost its place; please reload it.",
        "页面状态已失效，请刷新页面。",
    ),
    "error.nothing": ("There is no question to go back to yet.", "还没有可以返回的问题。"),
    "error.chat": ("This chat is no longer here; please pick another.", "此对话已不存在，请另选。"),
    "error.tiles": (
        "{wanted} tiles are more than this page allows; {most} is the most.",
        "{wanted} 个图块超过本页上限 {most}。",
    ),
    "error.frames": (
        "{wanted} frames are more than this page allows; {most} is the most.",
        "{wanted} 帧超过本页上限 {most}。",
    ),
    "error.silent": (
        "The model gave no answer; please put the question in other words.",
        "模型没有作答，请换一种问法。",
    ),
    "error.unexpected": (
        "Something went wrong here. Your question and files are still in place: please try again.",
        "出了点问题。您的问题和文件都还在，请再试一次。",
    ),
}


def words(language: str) -> dict[str, str]:
    """All words in a language, "en" or "zh".

    >>> words("zh")["send.value"]
    '发送'
    """
    position = 1 if language == "zh" else 0
    return {key: pair[position] for key, pair in WORDS.items()}


def properties(component: str, text: Mapping[str, str]) -> dict[str, Any]:
    """The properties of a component that are words.

    >>> properties("send", words("en"))
    {'value': 'Send'}
    """
    wanted = {"label", "info", "placeholder", "value"}
    named = ((key.split(".", 1), sentence) for key, sentence in text.items() if "." in key)
    return {part: text for (name, part), text in named if name == component and part in wanted}


def preferred(accept_language: str) -> str:
    """The language that a browser asks for first, "en" unless it is Chinese.

    >>> preferred("zh-CN,zh;q=0.9,en;q=0.8")
    'zh'
    """
    return "zh" if accept_language.strip().lower().startswith("zh") else "en"
