"""The look of the page: jade on paper, with the fonts of the visitor's own system."""

import gradio as gr
from gradio.themes import Base, Color

_JADE = Color(
    name="jade",
    c50="#eef8f5",
    c100="#d6efe8",
    c200="#aedfd2",
    c300="#7cc9b7",
    c400="#45ad97",
    c500="#1f8f79",
    c600="#0f7564",
    c700="#0d5e52",
    c800="#0d4b43",
    c900="#0c3e38",
    c950="#052421",
)
_PAPER = Color(
    name="paper",
    c50="#faf8f4",
    c100="#f3f0e9",
    c200="#e6e1d6",
    c300="#d3ccbd",
    c400="#a39b8b",
    c500="#756e61",
    c600="#5a5449",
    c700="#443f37",
    c800="#2b2824",
    c900="#1e1c19",
    c950="#151412",
)
_SANS = ("ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "PingFang SC", "sans-serif")
_MONO = ("ui-monospace", "SFMono-Regular", "Consolas", "monospace")

_COLOURS = {
    "body_background_fill": ("*neutral_50", "*neutral_950"),
    "body_text_color": ("*neutral_900", "*neutral_100"),
    "body_text_color_subdued": ("*neutral_500", "*neutral_400"),
    "background_fill_primary": ("#ffffff", "*neutral_900"),
    "background_fill_secondary": ("*neutral_100", "*neutral_800"),
    "border_color_primary": ("*neutral_200", "*neutral_700"),
    "block_background_fill": ("transparent", "transparent"),
    "block_label_background_fill": ("transparent", "transparent"),
    "block_label_text_color": ("*neutral_600", "*neutral_400"),
    "block_title_text_color": ("*neutral_700", "*neutral_300"),
    "block_info_text_color": ("*neutral_500", "*neutral_400"),
    "button_primary_background_fill": ("*primary_600", "*primary_300"),
    "button_primary_background_fill_hover": ("*primary_700", "*primary_200"),
    "button_primary_text_color": ("#ffffff", "*neutral_950"),
    "button_secondary_background_fill": ("#ffffff", "*neutral_800"),
    "button_secondary_background_fill_hover": ("*neutral_100", "*neutral_700"),
    "button_secondary_border_color": ("*neutral_200", "*neutral_700"),
    "button_secondary_text_color": ("*neutral_700", "*neutral_200"),
    "button_cancel_background_fill": ("#a8341f", "#f0907c"),
    "button_cancel_background_fill_hover": ("#8c2a18", "#f6ab9b"),
    "button_cancel_text_color": ("#ffffff", "*neutral_950"),
    "input_background_fill": ("#ffffff", "*neutral_900"),
    "input_border_color": ("*neutral_300", "*neutral_700"),
    "input_border_color_focus": ("*primary_600", "*primary_300"),
    "input_placeholder_color": ("*neutral_500", "*neutral_400"),
    "slider_color": ("*primary_600", "*primary_300"),
    "link_text_color": ("*primary_700", "*primary_300"),
}
"""Light and dark."""

_SIZES = {
    "block_border_width": "0px",
    "block_shadow": "none",
    "block_label_border_width": "0px",
    "block_title_text_weight": "600",
    "block_title_text_size": "var(--plain)",
    "block_info_text_size": "var(--fine)",
    "button_small_text_size": "var(--fine)",
    "checkbox_label_text_size": "var(--plain)",
    "input_border_width": "1px",
    "loader_color": "*primary_600",
}
"""Of both, with the colours that don't differ; type has those of assets/css/page.css."""


def make_theme() -> Base:
    """The theme, light and dark; assets/css do the rest."""
    theme = Base(
        primary_hue=_JADE,
        secondary_hue=_JADE,
        neutral_hue=_PAPER,
        font=_SANS,
        font_mono=_MONO,
        radius_size=gr.themes.sizes.radius_md,
        spacing_size=gr.themes.sizes.spacing_md,
    )
    light = {name: pair[0] for name, pair in _COLOURS.items()}
    dark = {f"{name}_dark": pair[1] for name, pair in _COLOURS.items()}
    return theme.set(**light, **dark, **_SIZES)
