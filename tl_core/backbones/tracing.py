"""A library's network as a chain of small units, found by tracing it: between two of them exactly one value flows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Lock
from typing import Any

from torch import Tensor, fx, nn
from torch.utils import _pytree as pytree

from tl_core.backbones.catalog import Backbone

_OPENED_FROM = (1 / 3, 1)
"""Shares of all weights from which on a module is looked into; the second where looking so deep fails."""
_tracing = Lock()


@dataclass(frozen=True, slots=True)
class Unit:
    """Consecutive steps of the network, named by the last of them."""

    end: str
    """Name of the step whose value it hands on."""
    kind: str
    """That step's module class, or its operation."""
    blocks: tuple[str, ...]
    """Classes of the modules it calls that hold more than one layer with weights."""
    parameters: int
    shape: tuple[int, ...]
    """Of what it hands on, without the batch."""


class _Tracer(fx.Tracer):
    """Looks into containers, and into what the classifier is part of; leaves blocks whole."""

    def __init__(self, network: nn.Module, classifier: str, opened_from: float) -> None:
        super().__init__()
        self._much = opened_from * _size(network)
        self._classifier = classifier

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        if type(m) is nn.Sequential or self._classifier.startswith(module_qualified_name + "."):
            return False
        holds_much = _size(m) > self._much
        containers = (nn.Sequential, nn.ModuleList)
        return not (
            holds_much
            and (isinstance(m, containers) or any(isinstance(c, containers) for c in m.children()))
        )

    def call_module(
        self,
        m: nn.Module,
        forward: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        """Other threads' networks run as usual: while torch traces, every module's call comes by here."""
        if not any(isinstance(leaf, fx.Proxy) for leaf in pytree.tree_leaves((args, kwargs))):
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)


class _PreLogits(nn.Module):
    """A timm network up to what its classifier sees."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        network: Any = self.network
        features: Tensor = network.forward_head(network.forward_features(images), pre_logits=True)
        return features


def trace(backbone: Backbone, network: nn.Module) -> fx.Graph:
    """The network's steps in eval mode, up to what its classifier sees. Module names are the library's own.

    Raises:
        Exception: of almost any kind; not every network can be traced.
    """
    deep, shallow = _OPENED_FROM
    try:
        return _trace(backbone, network, deep)
    except Exception:  # networks are free to do what cannot be traced, in any way
        return _trace(backbone, network, shallow)


def _trace(backbone: Backbone, network: nn.Module, opened_from: float) -> fx.Graph:
    root, classifier = network, backbone.classifier
    if backbone.library == "timm":
        root, classifier = _PreLogits(network), f"network.{classifier}"
    was_training = network.training
    with _tracing:  # torch patches nn.Module while it traces
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
    for node in reversed(nodes[first:]):
        graph.erase_node(node)
    graph.output(features)


def _drop_unused(graph: fx.Graph) -> None:
    """Drop what leads to nothing, such as checks of the image's size."""
    for node in reversed(graph.nodes):
        if node.op in ("call_function", "call_method", "get_attr") and not node.users:
            graph.erase_node(node)


class _Shapes(fx.Interpreter):
    """Runs the steps and notes what each gives."""

    def __init__(self, network: nn.Module, graph: fx.Graph) -> None:
        super().__init__(network, graph=graph)
        self.found: dict[str, tuple[int, ...]] = {}

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        if isinstance(result, Tensor):
            self.found[n.name] = tuple(result.shape)
        return result


def find_units(network: nn.Module, graph: fx.Graph, image: Tensor) -> list[Unit]:
    """The network's steps, cut wherever a single tensor is alive. Runs it once on `image`, [1, 3, H, W]."""
    shapes = _Shapes(network, graph)
    shapes.run(image)
    units: list[Unit] = []
    waiting: list[fx.Node] = []
    for node, alive in _alive_after(graph):
        waiting.append(node)
        if len(alive) == 1 and (only := alive.pop()).name in shapes.found and only.op != "get_attr":
            units.append(_unit(network, waiting, only, shapes.found[only.name][1:]))
            waiting = []
    return units


def _alive_after(graph: fx.Graph) -> Iterator[tuple[fx.Node, set[fx.Node]]]:
    """After each step, the values that later steps still use."""
    order = {node: i for i, node in enumerate(graph.nodes)}
    last_use = {node: max((order[user] for user in node.users), default=-1) for node in order}
    for node, place in order.items():
        if node.op not in ("placeholder", "output"):
            yield node, {n for n, i in order.items() if i <= place < last_use[n]}


def _unit(network: nn.Module, nodes: list[fx.Node], end: fx.Node, shape: tuple[int, ...]) -> Unit:
    blocks, count = [], 0
    for node in nodes:
        if node.op == "call_module":
            module = network.get_submodule(str(node.target))
            count += _size(module)
            if sum(p.dim() > 1 for p in module.parameters()) > 1:
                blocks.append(type(module).__name__)
        elif node.op == "get_attr":
            value = _attribute(network, str(node.target))
            count += value.numel() if isinstance(value, nn.Parameter) else 0
    kind = (
        type(network.get_submodule(str(end.target))).__name__
        if end.op == "call_module"
        else end.name
    )
    return Unit(end.name, kind, tuple(blocks), count, shape)


def _attribute(network: nn.Module, name: str) -> Any:
    parent, _, last = name.rpartition(".")
    return getattr(network.get_submodule(parent), last)


def _size(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def cut(network: nn.Module, graph: fx.Graph, ends: list[str]) -> list[nn.Module]:
    """The steps up to each of `ends`, as modules of one input and one output; submodules keep their dotted names."""
    parts: list[nn.Module] = []
    nodes = iter([node for node in graph.nodes if node.op not in ("placeholder", "output")])
    given = next(node for node in graph.nodes if node.op == "placeholder")
    for end in ends:
        part, copies = fx.Graph(), {}
        copies[given] = part.placeholder("x")
        for node in nodes:
            copies[node] = part.node_copy(node, copies.__getitem__)
            if node.name == end:
                break
        given = next(node for node in graph.nodes if node.name == end)
        part.output(copies[given])
        parts.append(fx.GraphModule(network, part))
    return parts
