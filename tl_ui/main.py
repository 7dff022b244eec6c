"""Router: page settings, style and navigation that all pages share."""

import streamlit as st

from tl_ui.components.address import expect_page
from tl_ui.deleted import offer_undo
from tl_ui.failures import store_failures_said
from tl_ui.fields import take_changes
from tl_ui.gate.banner import warn_of_openness
from tl_ui.house import get_settings
from tl_ui.navigation import confirm_address, make_pages, show_menu
from tl_ui.signed_in import admit, show_person
from tl_ui.site_files import SITE
from tl_ui.style import apply_style

ASSETS = SITE / "assets"

st.set_page_config(page_title="TransferLab", page_icon=ASSETS / "icon.svg", layout="wide")
st.logo(ASSETS / "logo.svg", size="large")
apply_style()
page = st.navigation(make_pages(), position="hidden")
expect_page(page.url_path)
with store_failures_said():
    # Before anything of anybody is read.
    person = admit()
    # Before the menu, which carries what is chosen on the page.
    take_changes()
    confirm_address(page)
    show_menu(page)
    show_person(person)
    warn_of_openness(get_settings())
    offer_undo()
    page.run()
