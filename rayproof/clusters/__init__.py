"""KubeRay manifests as clusters of the model."""

from rayproof.clusters.quantities import parse_quantity
from rayproof.clusters.reader import Manifest, read_clusters, read_manifests

__all__ = ["Manifest", "parse_quantity", "read_clusters", "read_manifests"]
