"""What a process of `chaos` finds ready when it is forked: modules, and the network's stages.

Imported by the process that forks, and by nobody else.
"""

from benchmarks import chaos
from tl_core.backbones import anatomy, count_parameters, get_backbone
from tl_core.config import make_run_config

_model = make_run_config("0" * 16, chaos.SETTINGS).model
_backbone = get_backbone(_model.backbone)
anatomy(_backbone, _model.image_size)
count_parameters(_backbone, _model, chaos.CLASSES)
