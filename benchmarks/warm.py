"""What a process finds ready when it is forked: libraries, the engine, and a network's stages.

Imported by the process that forks, and by nobody else. Modules of `tl_ui` are not among it: some
declare components at their import, to the server that imports them.
"""

from tl_core.openmp import wait_without_spinning

# It has to be said before torch is imported, as the app does.
wait_without_spinning()

import pandas as pd  # noqa: E402
import plotly.graph_objects  # noqa: E402
import streamlit.testing.v1  # noqa: E402
import streamlit.web.cli  # noqa: E402

from benchmarks import chaos  # noqa: E402
from tl_core.backbones import anatomy, count_parameters, get_backbone  # noqa: E402
from tl_core.config import make_run_config  # noqa: E402

WARM = (pd, plotly.graph_objects, streamlit.web.cli, streamlit.testing.v1)
_model = make_run_config("0" * 16, chaos.SETTINGS).model
_backbone = get_backbone(_model.backbone)
anatomy(_backbone, _model.image_size)
count_parameters(_backbone, _model, chaos.CLASSES)
