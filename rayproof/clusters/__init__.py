"""KubeRay manifests as clusters of the model."""

from rayproof.clusters.quantities import parse_quantity
from rayproof.clusters.reader import read_clusters

__all__ = ["parse_quantity", "read_clusters"]
