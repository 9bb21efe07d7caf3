"""A core worker of today's Ray: the body that runs, and the owner of tasks and objects."""
