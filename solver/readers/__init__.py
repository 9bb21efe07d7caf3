"""Readers of instances that others made."""

from rayproof.solver.readers.formats import read_instance
from rayproof.solver.readers.literature import (
    JobShop,
    Project,
    TaskGraph,
    Workflow,
    WorkflowTask,
    read_job_shop,
    read_psplib,
    read_stg,
    read_wfcommons,
)
from rayproof.solver.readers.published import (
    VARIABLE,
    Bins,
    Published,
    bins,
    directory,
    gpu_cluster,
    job_shops,
    projects,
    task_graphs,
)
from rayproof.solver.readers.published import workflows as recorded_workflows

__all__ = [
    "VARIABLE",
    "Bins",
    "JobShop",
    "Project",
    "Published",
    "TaskGraph",
    "Workflow",
    "WorkflowTask",
    "bins",
    "directory",
    "gpu_cluster",
    "job_shops",
    "projects",
    "read_instance",
    "read_job_shop",
    "read_psplib",
    "read_stg",
    "read_wfcommons",
    "recorded_workflows",
    "task_graphs",
]
