"""Custom components: the few things that Streamlit's own elements do not do."""
