"""The chat, the receipt under an answer, and what is going on."""

WORDS: dict[str, tuple[str, str]] = {
    # The chat
    "chat.label": ("Conversation", "对话"),
    "chat.placeholder": (
        "## What would you like to know?\n"
        "1. **Add** a picture, several, or a video. Examples are there to try.\n"
        "2. **Look** at its tiles: this is what the model sees.\n"
        "3. **Ask**, and read the answer while it is written.",
        "## 想了解什么？\n"
        "1. **添加**一张或多张图片，或一段视频；也可以试试示例。\n"
        "2. **看看**图块：这就是模型所见。\n"
        "3. **提问**，答案会逐字出现。",
    ),
    "new.value": ("New chat", "新对话"),
    "question.label": ("Your question", "您的问题"),
    "question.placeholder": ("Ask a question …", "请提问……"),
    "send.value": ("Send", "发送"),
    "stop.value": ("Stop", "停止"),
    "retry.value": ("Retry", "重试"),
    "undo.value": ("Take back", "收回"),
    "chat.enlarge": ("Show it large", "放大显示"),
    "chat.you": ("You: {text}", "您：{text}"),
    "chat.model": ("Model: {text}", "模型：{text}"),
    "chat.stopped": ("stopped", "已停止"),
    "chat.unanswered": ("not answered yet; Retry asks again", "尚未回答，可点“重试”"),
    "chat.smaller": (
        "the chat is full: the oldest of {tiles} tiles were left out",
        "对话已满：共 {tiles} 个图块，最早的未全部看到",
    ),
    "chat.thinking": ("…", "……"),
    "copy": ("Copy", "复制"),
    "copied": ("Copied", "已复制"),
    # The receipt
    "receipt.tiles": ("{tiles} tiles", "{tiles} 个图块"),
    "receipt.first": ("began after {seconds} s", "{seconds} 秒后开始"),
    "receipt.speed": ("{speed} tokens/s", "{speed} 词元/秒"),
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
    "status.back": ("Take the question back", "收回问题"),
    "status.next": ("You are next in line", "下一位就是您"),
    "status.next_in": (
        "You are next in line: about {seconds} s, going by the last answers",
        "下一位就是您：按最近的回答估计约 {seconds} 秒",
    ),
    "status.waiting": ("You are number {place} in line", "您排在第 {place} 位"),
    "status.waiting_in": (
        "You are number {place} in line: about {seconds} s, going by the last answers",
        "您排在第 {place} 位：按最近的回答估计约 {seconds} 秒",
    ),
    "status.opening": ("Opening the video", "正在打开视频"),
    "status.reading": ("Reading: {done} of {total} tiles", "正在读图：{done} / {total} 个图块"),
    "status.read": (
        "The model has seen it all. Ask away.",
        "模型已全部看完，请提问。",
    ),
    "status.thinking": ("Thinking about the question", "正在思考"),
    "status.answering": ("Answering", "正在回答"),
    "status.answered": ("The answer is ready.", "回答已完成。"),
    "status.both": ("Both answers are ready.", "两个回答均已完成。"),
}
