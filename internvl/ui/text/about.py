"""The panel that says what the model is and what is kept of a visitor.

What it says of files is what `internvl.chat.session` and Gradio's cache do (see `layout`).
"""

WORDS: dict[str, tuple[str, str]] = {
    "about.title": ("Good to know", "须知"),
    "about.close": ("Close", "关闭"),
    "about.model": ("What the model is", "模型是什么"),
    "about.embedded": (
        "<b>{name}</b> is a small model of this project's own, trained only on pictures this "
        "project draws. It reads English and names the colour and shape of a drawn object. Words, "
        "charts and receipts it is still learning.",
        "<b>{name}</b> 是本项目自行训练的小模型，只用本项目绘制的图片训练。它懂英文，"
        "能说出所绘物体的颜色和形状。文字、图表和收据仍在学习中。",
    ),
    "about.switch": (
        "For a published model, start the app with",
        "要使用已发布的模型，请这样启动：",
    ),
    "about.published": (
        "<b>{name}</b>, licence: {licence}.",
        "<b>{name}</b>，许可证：{licence}。",
    ),
    "about.published.who": (
        "It is one of the InternVL 2.5 models that Shanghai AI Laboratory and its partners "
        "published openly in December 2024, to talk about photos, documents, charts and short "
        "clips, best in English and Chinese.",
        "它是上海人工智能实验室及合作单位于 2024 年 12 月公开发布的 InternVL 2.5 系列模型之一，"
        "可就照片、文档、图表和短视频进行对话，最擅长中文和英文。",
    ),
    "about.published.wrong": (
        "It often gets wrong: print that is small or shrunk, counting many things, exact places "
        "and values, left and right, and what happens between two frames. It can describe things "
        "that are not there, and repeat prejudices of the texts and pictures it learned from.",
        "它常在这些方面出错：过小或被缩小的文字、大量物体的计数、精确的位置和数值、左右方向，"
        "以及两帧之间发生的事。它可能描述不存在的东西，也可能重复其训练数据中的偏见。",
    ),
    "about.not": ("What it is not", "它不是什么"),
    "about.not.embedded": (
        "It does not know photos, people, places or the world, and it answers wrongly even on what "
        "it was trained for. It shows how InternVL works; don't rely on what it says.",
        "它不认识照片、人物、地点和现实世界，对训练过的内容也会答错。"
        "它用来展示 InternVL 的工作方式，请不要依赖它的回答。",
    ),
    "about.not.published": (
        "It is no expert and has no access to the internet. It can be wrong and sound sure: please "
        "check what matters, above all about health, law, money and people.",
        "它不是专家，也不能上网。它可能答错却显得很有把握：请核实重要内容，"
        "尤其是涉及健康、法律、财务和他人的内容。",
    ),
    "caution.embedded": (
        "This small demo model is often wrong.",
        "这个小型演示模型只懂英文，经常答错。",
    ),
    "caution.published": (
        "Answers can be wrong. Please check what matters.",
        "回答可能有误，重要内容请核实。",
    ),
    "caution.more": ("What it can do", "它能做什么"),
    "about.learns": (
        "It doesn't learn from you: nothing you ask or show changes it.",
        "它不会从您这里学习：您的提问和图片不会改变它。",
    ),
    "about.kept": ("What is kept, where and for how long", "保存什么、在哪里、多久"),
    "about.kept.session": (
        "Your chats, pictures, videos and settings lie on the computer that runs this page, in a "
        "folder of your own, and are deleted {time} after your last visit.",
        "您的对话、图片、视频和设置保存在运行本页的计算机上一个属于您的文件夹中，"
        "在最后一次访问 {time}后删除。",
    ),
    "about.kept.cache": (
        "What you upload also lies in the web server's own folder for one to two hours.",
        "您上传的文件还会在网页服务器自己的文件夹中保留一到两小时。",
    ),
    "about.kept.memory": (
        "While the server runs, its memory holds numbers the model has computed from pictures, "
        "until others need the room.",
        "服务器运行期间，内存中会保留模型由图片算出的数值，直到需要腾出空间。",
    ),
    "about.kept.browser": (
        "This browser keeps a random key to your folder, the language, the look, the idle minutes "
        "of presenter mode, and for as long as a reload takes the question you were typing. "
        "Without the key nobody finds your chats in the page, and neither do you in another "
        "browser.",
        "此浏览器保存一个打开您文件夹的随机密钥、语言、外观和演示模式的空闲分钟数，"
        "并在刷新期间暂存您正在输入的问题。"
        "没有密钥，任何人都无法在页面上看到您的对话；换一个浏览器您自己也看不到。",
    ),
    "about.seen": ("Who can see it", "谁能看到"),
    "about.seen.visitors": (
        "Other visitors can't see your chats. A file in the web server's folder could be fetched "
        "by its address, which is long, can't be guessed and is only told to your browser.",
        "其他访客看不到您的对话。网页服务器文件夹中的文件可以通过其地址取得，"
        "该地址很长、无法猜到，只告知您的浏览器。",
    ),
    "about.seen.owner": (
        "Whoever runs this computer can read everything: it is not encrypted. Please don't upload "
        "what they mustn't see.",
        "运行这台计算机的人可以读取全部内容：数据未加密。请勿上传不能让其看到的内容。",
    ),
    "about.seen.sent": (
        "This page sends nothing of yours to other computers and counts no visits.",
        "本页不会把您的内容发送到其他计算机，也不统计访问。",
    ),
    "about.seen.shared": (
        "This page has a public link: whoever knows it can open the page, and all that you send "
        "and get goes through a server of Gradio, whose owners could read it. No visits are "
        "counted by this page.",
        "本页有一个公开链接：知道链接的人都能打开本页，您发送和收到的全部内容都会经过 Gradio "
        "的服务器，其所有者可以读取。本页自身不统计访问。",
    ),
    "about.erase": (
        "To delete everything at once, open the list of chats and choose “Delete everything of "
        "mine”.",
        "要立即全部删除，请打开对话列表，选择“删除我的全部内容”。",
    ),
    "about.erase.open": ("Open the list of chats", "打开对话列表"),
}
