"""The head of the page and the model's introduction."""

WORDS: dict[str, tuple[str, str]] = {
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
}
