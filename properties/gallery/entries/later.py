"""Defects of parts that are not modelled yet: the autoscaler and KubeRay."""

from __future__ import annotations

from rayproof.properties.gallery.entry import later

AUTOSCALER = (
    later(59, "ray#36926", "A task that has just started is counted as pending and as usage.", "autoscaler"),
    later(60, "ray#50783", "Nodes that wait for the rest of a gang to boot count as idle and go.", "autoscaler"),
    later(61, "ray#37733", "A node with work that needs no CPU, or with a sole copy, goes.", "autoscaler"),
    later(62, "ray#65694", "A launch that did nothing is remembered as done; its repeats are ignored.", "autoscaler"),
    later(63, "ray#39691", "A group that can never be placed stops the scaling for everybody.", "autoscaler"),
)
"""D59 to D63."""

KUBERAY = (
    later(64, "kuberay#715", "A stale cache makes the operator create too many pods, then delete any.", "operator"),
    later(65, "kuberay#208", "The worker named for deletion stays because another one has died.", "operator"),
    later(66, "kuberay#1559", "Traffic moves to a cluster on which nothing serves yet.", "operator"),
    later(67, "kuberay#5211", "A job is tried again while pods of its last attempt still run.", "operator"),
    later(68, "kuberay#3860", "A job whose head was replaced is called running for ever.", "operator"),
    later(69, "kuberay#4686", "A suspended cluster cannot be woken: an error ends each round too early.", "operator"),
)
"""D64 to D69."""
