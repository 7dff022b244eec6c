"""Custom components, for what Streamlit's own elements cannot do."""
