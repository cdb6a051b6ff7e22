"""The head of the page and the model's introduction."""

WORDS: dict[str, tuple[str, str]] = {
    "tongue": ("en", "zh"),
    "tagline.value": (
        "<p class='tagline'>Ask about a picture, and see what the model sees.</p>",
        "<p class='tagline'>就图片提问，看见模型所见。</p>",
    ),
    "language.label": ("Language", "语言"),
    "model.loading": ("loading the model: {percent} %", "正在加载模型：{percent} %"),
    "model.ready": ("ready", "已就绪"),
    "model.failed": ("{problem}", "加载失败：{problem}"),
    "time.hours": ("{number:g} hours", "{number:g} 小时"),
    "time.days": ("{number:g} days", "{number:g} 天"),
}
