"""The first minute: examples, a photo from the camera, pages of a PDF."""

WORDS: dict[str, tuple[str, str]] = {
    "camera.open": ("Take a photo", "拍照"),
    "camera.title": ("Take a photo", "拍照"),
    "camera.asking": (
        "Your browser asks whether this page may use the camera.",
        "浏览器正在询问是否允许本页使用摄像头。",
    ),
    "camera.take": ("Use this picture", "使用这张照片"),
    "camera.cancel": ("Cancel", "取消"),
    "camera.view": ("What the camera sees", "摄像头画面"),
    "camera.denied": (
        "The camera was not allowed. You can allow it in the browser's address bar, or choose a "
        "picture from a file.",
        "未获得摄像头权限。可在浏览器地址栏中允许，或从文件中选择图片。",
    ),
    "camera.missing": (
        "No camera could be opened. Is it connected, or in use by another program?",
        "无法打开摄像头。它是否已连接，或正被其他程序占用？",
    ),
    "camera.insecure": (
        "Browsers open the camera on https pages only, and on the computer that runs this page.",
        "浏览器只允许 https 页面或运行本页的电脑使用摄像头。",
    ),
    "examples.english": (
        "This model reads English only, so the question is in English. It means: {meant}",
        "此模型只懂英文，所以用英文提问。意思是：{meant}",
    ),
    "pages.label": ("Pages of the PDF", "PDF 页码"),
    "pages.placeholder": ("1-3", "1-3"),
    "pages.told": (
        "{name} has {count} pages; attached: {pages}. Write others, such as 3-5, and press Enter. "
        "Pages share the tiles, so fewer are sharper.",
        "{name} 共 {count} 页，已添加：{pages}。可输入其他页码（如 3-5）后按回车。"
        "各页共用图块，页数越少越清晰。",
    ),
    "error.document": (
        "The PDF is not here any more; please attach it again.",
        "PDF 已不在此处，请重新添加。",
    ),
    "error.pages": (
        "“{written}” are no page numbers; please write them as 3 or 1-3, 7.",
        "“{written}”不是页码，请写成 3 或 1-3, 7。",
    ),
}
