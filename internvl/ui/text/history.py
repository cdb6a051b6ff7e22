"""The list of chats, their files, and deleting everything."""

WORDS: dict[str, tuple[str, str]] = {
    "chats.untitled": ("Nothing asked yet", "尚未提问"),
    "chats.open": ("Chats: {number}", "对话：{number}"),
    "chats.search": ("Search what was asked and answered", "搜索问题和回答"),
    "chats.none": ("No chat has these words.", "没有包含这些字词的对话。"),
    "chats.now": ("open now", "当前打开"),
    "chats.more": ("More for “{title}”", "“{title}”的更多操作"),
    "chats.title": ("Title", "标题"),
    "chats.rename": ("Rename", "重命名"),
    "chats.markdown": ("Save as Markdown", "存为 Markdown"),
    "chats.html": ("Save as a web page", "存为网页"),
    "chats.delete": ("Delete …", "删除……"),
    "chats.delete.sure": (
        "Delete this chat, with what is written for it and the files that only it uses?",
        "删除此对话、为它写下的内容及只有它使用的文件？",
    ),
    "chats.delete.yes": ("Delete this chat", "删除此对话"),
    "chats.export": ("Save all chats as a file", "将所有对话存为文件"),
    "chats.import": ("Bring chats from a file", "从文件导入对话"),
    "chats.format": (
        "The file has small copies of the pictures; of a video, up to {frames} of its frames.",
        "文件中含图片的缩小副本；视频则最多保存 {frames} 帧。",
    ),
    "chats.erase": ("Delete everything of mine …", "删除我的全部内容……"),
    "chats.erase.sure": (
        "All your chats, pictures, videos and settings on this server are deleted at once and "
        "can't be brought back.",
        "您在此服务器上的所有对话、图片、视频和设置将立即删除，无法恢复。",
    ),
    "chats.erase.yes": ("Delete everything now", "立即全部删除"),
    "imported.label": ("A file with chats", "对话文件"),
    # What has been done
    "chats.brought": ("{number} chats were added to the list.", "列表中新增了 {number} 个对话。"),
    "chats.one": ("1 chat was added to the list.", "列表中新增了 1 个对话。"),
    "chats.erased": (
        "Everything has been deleted. This is a fresh start.",
        "已全部删除，从头开始。",
    ),
    # A file that can't be brought in; nothing of it is kept
    "import.nothing": ("There are no chats in this file.", "此文件中没有对话。"),
    "import.size": (
        "The file has {megabytes:.0f} MB; {most:.0f} MB is the most.",
        "文件有 {megabytes:.0f} MB，上限为 {most:.0f} MB。",
    ),
    "import.json": (
        "This is no file of chats saved by this page.",
        "这不是本页保存的对话文件。",
    ),
    "import.version": (
        "The file is of a version that this page doesn't know.",
        "本页无法识别此文件的版本。",
    ),
    "import.unknown": (
        "The file can't be used: {place} has a field “{name}” that this page doesn't know.",
        "无法使用此文件：{place} 中有未知字段“{name}”。",
    ),
    "import.missing": (
        "The file can't be used: {place} lacks the field “{name}”.",
        "无法使用此文件：{place} 缺少字段“{name}”。",
    ),
    "import.type": (
        "The file can't be used: “{name}” in {place} has a value of the wrong kind.",
        "无法使用此文件：{place} 中“{name}”的值类型不对。",
    ),
    "import.picture": (
        "The file can't be used: a picture in {place} can't be read.",
        "无法使用此文件：{place} 中有无法读取的图片。",
    ),
    "import.many": (
        "The file can't be used: {place} has {number} {what}, and {most} is the most.",
        "无法使用此文件：{place} 有 {number} 个{what}，上限为 {most}。",
    ),
    "import.file": ("the file", "文件"),
    "import.chat": ("chat {chat}", "对话 {chat}"),
    "import.turn": ("turn {turn} of chat {chat}", "对话 {chat} 的第 {turn} 轮"),
    "import.chats": ("chats", "对话"),
    "import.turns": ("turns", "轮"),
    "import.pictures": ("pictures", "图片"),
    # Chats as text
    "export.title": ("Chats with InternVL", "与 InternVL 的对话"),
    "export.you": ("You", "您"),
    "export.model": ("Model", "模型"),
    "export.unanswered": ("not answered", "未回答"),
}
