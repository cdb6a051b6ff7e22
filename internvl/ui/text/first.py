"""The first minute: examples, a photo from the camera, pages of a PDF."""

WORDS: dict[str, tuple[str, str]] = {
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
