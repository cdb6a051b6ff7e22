"""The tools in the head, and presenter mode."""

WORDS: dict[str, tuple[str, str]] = {
    "tools.about": ("Good to know", "须知"),
    "tools.dark": ("Dark", "深色"),
    "tools.light": ("Light", "浅色"),
    "tools.look": ("Colours: {look}", "配色：{look}"),
    # Presenter mode
    "presenter.title": ("For a stand or a class: presenter mode", "展台或课堂：演示模式"),
    "presenter.what": (
        "Large type. When nobody has touched the page for the minutes below, it starts afresh for "
        "the next person, and what the last one asked is deleted. Your own chats wait until you "
        "leave the mode, which anyone at this screen can do.",
        "大号字体。若在下列分钟数内无人操作，页面会为下一位重新开始，并删除上一位的内容。"
        "您自己的对话会保留到退出演示模式，而屏幕前的任何人都可以退出。",
    ),
    "presenter.minutes": ("Idle minutes", "空闲分钟数"),
    "presenter.start": ("Start presenter mode", "开始演示模式"),
    "presenter.on": (
        "Presenter mode: afresh after {minutes} idle min",
        "演示模式：空闲 {minutes} 分钟后重新开始",
    ),
    "presenter.next": ("Next person", "下一位"),
    "presenter.leave": ("Leave", "退出"),
    "presenter.soon": (
        "Starting afresh for the next person in {seconds} s",
        "{seconds} 秒后为下一位重新开始",
    ),
    "presenter.here": ("I'm still here", "我还在"),
}
