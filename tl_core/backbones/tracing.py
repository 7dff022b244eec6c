"""Tracing: a network as a chain of units, between which exactly one tensor passes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Lock
from typing import Any

from torch import Tensor, fx, nn
from torch.utils import _pytree as pytree

from tl_core.backbones.catalog import Backbone

_OPENED_FROM = (1 / 3, 1)
"""Smallest shares of all weights for which a module is opened; the second if the first fails."""
_tracing = Lock()


@dataclass(frozen=True, slots=True)
class Unit:
    """Consecutive steps of the network, named by their last."""

    end: str
    """Name of the step that computes the unit's output."""
    kind: str
    """Module class of that step, or its operation."""
    blocks: tuple[str, ...]
    """Classes of called modules that hold more than one layer with weights."""
    parameters: int
    shape: tuple[int, ...]
    """Output shape without the batch dimension."""


class _Tracer(fx.Tracer):
    """Tracer that opens containers and the parents of the classifier, and leaves blocks whole."""

    def __init__(self, network: nn.Module, classifier: str, opened_from: float) -> None:
        super().__init__()
        self._least_opened = opened_from * _size(network)
        self._classifier = classifier

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        # Exactly Sequential: subclasses such as torchvision's Conv2dNormActivation are blocks.
        # Parents of the classifier are opened so that the graph can end in front of it.
        if type(m) is nn.Sequential or self._classifier.startswith(module_qualified_name + "."):
            return False
        if _size(m) <= self._least_opened:
            return True
        containers = (nn.Sequential, nn.ModuleList)
        return not any(isinstance(part, containers) for part in (m, *m.children()))

    def call_module(
        self,
        m: nn.Module,
        forward: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        """Run other threads' modules as usual: torch sends all calls here while it traces."""
        if not any(isinstance(leaf, fx.Proxy) for leaf in pytree.tree_leaves((args, kwargs))):
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)


class _PreLogits(nn.Module):
    """A timm network up to the features that its classifier sees."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        network: Any = self.network
        features: Tensor = network.forward_head(network.forward_features(images), pre_logits=True)
        return features


def trace(backbone: Backbone, network: nn.Module) -> fx.Graph:
    """Trace the network in eval mode up to its classifier's input; names are the library's.

    Raises:
        Exception: any kind; not every network can be traced.
    """
    deep, shallow = _OPENED_FROM
    try:
        return _trace(backbone, network, deep)
    except Exception:
        # Code that cannot be traced raises errors of any kind; it may lie in a deep module.
        return _trace(backbone, network, shallow)


def _trace(backbone: Backbone, network: nn.Module, opened_from: float) -> fx.Graph:
    root = network
    classifier = backbone.classifier
    if backbone.library == "timm":
        root = _PreLogits(network)
        classifier = f"network.{classifier}"
    was_training = network.training
    # torch patches nn.Module while it traces, so only one thread may.
    with _tracing:
        root.eval()
        try:
            graph = _Tracer(network, classifier, opened_from).trace(root)
        finally:
            root.train(was_training)
    if backbone.library == "timm":
        for node in graph.nodes:
            if node.op in ("call_module", "get_attr"):
                node.target = node.target.removeprefix("network.")
    else:
        _end_before(graph, backbone.classifier)
    _drop_unused(graph)
    return graph


def _end_before(graph: fx.Graph, classifier: str) -> None:
    nodes = list(graph.nodes)
    first = next(
        i
        for i, n in enumerate(nodes)
        if n.op == "call_module" and (n.target + ".").startswith(classifier + ".")
    )
    features = nodes[first].all_input_nodes[0]
    # From the end, as fx refuses to erase a step that others use.
    for node in reversed(nodes[first:]):
        graph.erase_node(node)
    graph.output(features)


def _drop_unused(graph: fx.Graph) -> None:
    """Erase steps without users, such as checks of the image size."""
    # From the end, as erasing one step may leave its inputs without users.
    for node in reversed(graph.nodes):
        if node.op in ("call_function", "call_method", "get_attr") and not node.users:
            graph.erase_node(node)


class _Shapes(fx.Interpreter):
    """Interpreter that records the output shape of each step."""

    def __init__(self, network: nn.Module, graph: fx.Graph) -> None:
        super().__init__(network, graph=graph)
        self.found: dict[str, tuple[int, ...]] = {}

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        if isinstance(result, Tensor):
            self.found[n.name] = tuple(result.shape)
        return result


def find_units(network: nn.Module, graph: fx.Graph, image: Tensor) -> list[Unit]:
    """Cut the steps wherever a single tensor is alive, by one run on `image`, [1, 3, H, W]."""
    shapes = _Shapes(network, graph)
    shapes.run(image)
    units: list[Unit] = []
    waiting: list[fx.Node] = []
    for node, alive in _alive_after(graph):
        waiting.append(node)
        if len(alive) != 1:
            continue
        [only] = alive
        # A parameter that waits for its use, such as a class token, holds nothing of the image.
        if only.name in shapes.found and only.op != "get_attr":
            units.append(_unit(network, waiting, only, shapes.found[only.name][1:]))
            waiting = []
    return units


def _alive_after(graph: fx.Graph) -> Iterator[tuple[fx.Node, set[fx.Node]]]:
    """Yield each step with the values that later steps still use."""
    order = {node: i for i, node in enumerate(graph.nodes)}
    last_use = {node: max((order[user] for user in node.users), default=-1) for node in order}
    for node, place in order.items():
        if node.op not in ("placeholder", "output"):
            yield node, {n for n, i in order.items() if i <= place < last_use[n]}


def _unit(network: nn.Module, nodes: list[fx.Node], end: fx.Node, shape: tuple[int, ...]) -> Unit:
    blocks = []
    count = 0
    for node in nodes:
        if node.op == "call_module":
            module = network.get_submodule(str(node.target))
            count += _size(module)
            # Parameters of one dimension are biases and normalisation, and make no block.
            if sum(p.dim() > 1 for p in module.parameters()) > 1:
                blocks.append(type(module).__name__)
        elif node.op == "get_attr":
            value = _attribute(network, str(node.target))
            count += value.numel() if isinstance(value, nn.Parameter) else 0
    kind = end.name
    if end.op == "call_module":
        kind = type(network.get_submodule(str(end.target))).__name__
    return Unit(end.name, kind, tuple(blocks), count, shape)


def _attribute(network: nn.Module, name: str) -> Any:
    parent, _, last = name.rpartition(".")
    return getattr(network.get_submodule(parent), last)


def _size(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def cut(network: nn.Module, graph: fx.Graph, ends: list[str]) -> list[nn.Module]:
    """Cut behind each of `ends` into modules of one input and one output, with the same names."""
    parts: list[nn.Module] = []
    # One iterator for all parts, so that each begins where the last one ended.
    nodes = iter([node for node in graph.nodes if node.op not in ("placeholder", "output")])
    source = next(node for node in graph.nodes if node.op == "placeholder")
    for end in ends:
        part = fx.Graph()
        copies = {source: part.placeholder("x")}
        for node in nodes:
            copies[node] = part.node_copy(node, copies.__getitem__)
            if node.name == end:
                break
        source = next(node for node in graph.nodes if node.name == end)
        part.output(copies[source])
        # GraphModule takes over only what its graph calls, under the same names.
        parts.append(fx.GraphModule(network, part))
    return parts
