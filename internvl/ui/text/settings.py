"""The settings."""

WORDS: dict[str, tuple[str, str]] = {
    "settings.label": ("Settings", "设置"),
    "reset": ("Back to what it was at first", "恢复初始值"),
    "system.label": ("System message", "系统消息"),
    "system.info": (
        "What the model is told before the first question. It learnt with the Chinese sentence "
        "that stands here at first.",
        "在第一个问题之前告诉模型的话；最初的这句话是训练时用的。",
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
}
