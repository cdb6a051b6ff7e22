"""What went wrong, and what to do next."""

WORDS: dict[str, tuple[str, str]] = {
    "error.empty": ("Please write a question first.", "请先写一个问题。"),
    "error.visitor": (
        "This page has lost its place; please reload it.",
        "页面状态已失效，请刷新页面。",
    ),
    "error.setting": (
        "{label} must be a number from {low:g} to {high:g}.",
        "“{label}”须为 {low:g} 到 {high:g} 之间的数。",
    ),
    "error.nothing": ("There is no question to go back to yet.", "还没有可以返回的问题。"),
    "error.chat": ("This chat is no longer here; please pick another.", "此对话已不存在，请另选。"),
    "error.silent": (
        "The model gave no answer; please put the question in other words.",
        "模型没有作答，请换一种问法。",
    ),
    "error.unexpected": (
        "Something went wrong here. Your question and files are still in place: please try again.",
        "出了点问题。您的问题和文件都还在，请再试一次。",
    ),
}
