"""Start the app: `streamlit run app.py`.

`tl_ui/main.py` routes the pages, so that none can be opened without it.
"""

from tl_core.descriptors import allow_many_descriptors
from tl_core.memory import importing, keep_freed_memory
from tl_core.openmp import wait_without_spinning

# Threads that already run would keep heaps that cannot hold large tensors.
keep_freed_memory()
wait_without_spinning()
allow_many_descriptors()

from pathlib import Path  # noqa: E402

import streamlit as st  # noqa: E402
from starlette.middleware import Middleware  # noqa: E402

import tl_ui  # noqa: E402

with importing():
    from tl_ui.gate import make_gate, make_gate_routes
    from tl_ui.gate.listening import listening_address
    from tl_ui.gate.start import check_start
    from tl_ui.house import (
        get_directory,
        get_house,
        get_house_predictors,
        get_house_runner,
        get_settings,
    )
    from tl_ui.operations import log_like_the_worker, make_operations_routes
    from tl_ui.resources import lifespan
    from tl_ui.routes import make_routes
    from tl_ui.widget_uploads import WidgetUploads

# Only an App object carries routes and a lifespan in the server's own process.
app = st.App(
    # Not in this folder: Streamlit opens every script in a folder `pages` beside the main script.
    Path(tl_ui.__file__).with_name("main.py"),
    routes=[
        *make_gate_routes(get_settings, get_directory),
        *make_routes(get_house, get_house_predictors),
        *make_operations_routes(get_house, get_house_runner),
    ],
    middleware=[
        make_gate(get_settings, get_directory, listening_address),
        Middleware(WidgetUploads),
    ],
    lifespan=lifespan,
)

# In the lifespan, Starlette would print a traceback in front of the sentence.
check_start()
log_like_the_worker(get_settings().log)
