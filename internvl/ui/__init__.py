"""The Gradio page: panes for pictures and video, the tile view, the chat, and `/ask`."""
