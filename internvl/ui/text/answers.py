"""What stands under an answer, and the panels that its buttons open."""

WORDS: dict[str, tuple[str, str]] = {
    # Buttons in messages
    "answer.cut": (
        "cut off after {tokens} tokens, the most you allow",
        "已到您允许的上限 {tokens} 个词元，回答被截断",
    ),
    "answer.more": ("Continue", "继续"),
    "answer.same": (
        "The answer is the same as before: at temperature 0 the model does not vary it. For other "
        "answers, raise the temperature in the settings.",
        "回答与之前相同：温度为 0 时模型不会变化。想要不同的回答，请在设置中调高温度。",
    ),
    "answer.edit": ("Edit", "修改"),
    "answer.good": ("Good", "有用"),
    "answer.bad": ("Not good", "没用"),
    "answer.version": ("version {number} of {total}", "第 {number} 版，共 {total} 版"),
    "answer.previous": ("Earlier version", "上一版"),
    "answer.next": ("Later version", "下一版"),
    # The receipt, fact by fact
    "receipt.frames": ("{frames} frames", "{frames} 帧"),
    "receipt.model.name": ("Model", "模型"),
    "receipt.seen.name": ("Seen", "所见"),
    "receipt.visual.name": ("Visual tokens", "视觉词元"),
    "receipt.read.name": ("Read", "读入"),
    "receipt.read.of": (
        "{prompt_tokens} tokens, {cached_tokens} of them known from before",
        "{prompt_tokens} 个词元，其中 {cached_tokens} 个此前已读",
    ),
    "receipt.written.name": ("Written", "写出"),
    "receipt.written.of": ("{generated_tokens} tokens", "{generated_tokens} 个词元"),
    "receipt.wait.name": ("First word after", "出首词用时"),
    "receipt.wait.of": ("{seconds} s", "{seconds} 秒"),
    "receipt.pace.name": ("Speed", "速度"),
    "receipt.pace.of": ("{speed} tokens/s", "{speed} 词元/秒"),
    "receipt.seed.name": ("To repeat it", "可用以重现"),
    "receipt.seed.of": ("seed {seed}", "种子 {seed}"),
    "receipt.settings.name": ("Settings", "设置"),
    "receipt.settings.of": ("as they come", "默认值"),
    "receipt.ended.name": ("Ended", "结束原因"),
    "receipt.stop.why": ("the model was done", "模型已答完"),
    "receipt.length.why": ("cut off at the longest answer allowed", "达到最长回答上限而截断"),
    # Pictures with boxes
    "figure.coordinates": ("coordinates", "坐标"),
    "figure.unit": (
        "Left, top, right, bottom, in thousandths of the picture's width and height.",
        "依次为左、上、右、下，单位为图片宽高的千分之一。",
    ),
    "figure.copy": ("Copy coordinates", "复制坐标"),
    # Finding something
    "find.value": ("Find and box …", "查找并框出……"),
    "find_text.label": ("What should be found in the picture?", "要在图片中找什么？"),
    "find_text.placeholder": ("for example: the blue square", "例如：the blue square"),
    "find_send.value": ("Draw a box", "框出来"),
    "find_close.value": ("Close", "关闭"),
    "find.question": ("Find: {what}", "查找：{what}"),
    "error.find": ("Please say what should be found.", "请说明要找什么。"),
    "error.no_picture": ("Please attach a picture first.", "请先添加图片。"),
    # Editing a question
    "edit.alone": ("The answer gives way to the new one.", "新的回答将取代原来的回答。"),
    "edit.one": (
        "The answer gives way to the new one, and the question after it is removed.",
        "新的回答将取代原来的回答，其后的 1 个问题会被删除。",
    ),
    "edit.several": (
        "The answer gives way to the new one, and the {later} questions after it are removed.",
        "新的回答将取代原来的回答，其后的 {later} 个问题会被删除。",
    ),
    "edit_text.label": ("The question in other words", "修改后的问题"),
    "edit_send.value": ("Ask again", "重新提问"),
    "edit_close.value": ("Leave as it is", "保持原样"),
    # An opinion
    "opinion.why.good": ("What was good about this answer?", "这个回答好在哪里？"),
    "opinion.why.bad": ("What was wrong with this answer?", "这个回答哪里不好？"),
    "opinion_text.label": ("In your words (optional)", "请用您的话说明（可不填）"),
    "opinion_consent.label": (
        "Keep my opinion with this chat on this server, where those who run it can read it",
        "同意将我的意见与此对话一起保存在此服务器上，运营者可以查看",
    ),
    "opinion_save.value": ("Keep it", "保存"),
    "opinion_close.value": ("Close", "关闭"),
    "opinion.good": ("You found this good; kept with this chat.", "您认为有用；已随对话保存。"),
    "opinion.bad": ("You found this not good; kept with this chat.", "您认为没用；已随对话保存。"),
    "opinion.unsay": ("Delete my opinion", "删除我的意见"),
    "error.consent": (
        "Nothing was kept. To keep your opinion, please tick the box first.",
        "未作保存。如要保存意见，请先勾选同意。",
    ),
    "error.turn": (
        "This message has changed meanwhile; please look again.",
        "此消息已发生变化，请再看一下。",
    ),
    # Comparing
    "compare.value": ("See what detail changes", "看看细节的作用"),
    "compare.same": (
        "A closer look would show one tile, too: there is nothing to compare.",
        "看得再细也只有一个图块，没有可比较的。",
    ),
    "compare_note.value": (
        "<p>The same question, asked at a quick look and at a close one. Not part of the chat "
        "unless kept.</p>",
        "<p>同一个问题，粗看与细看的对比。未采用前不属于对话。</p>",
    ),
    "compare.quick": ("Quick look: 1 tile a picture", "粗看：每张 1 个图块"),
    "compare.close": (
        "Close look: up to {tiles} tiles + thumbnail",
        "细看：最多 {tiles} 个图块 + 缩略图",
    ),
    "keep_first.value": ("Keep this one", "采用此回答"),
    "keep_second.value": ("Keep this one", "采用此回答"),
    "compare_close.value": ("Put away", "收起"),
    "error.compared": ("This comparison is no longer here.", "此比较已不存在。"),
}
