"""A core worker of today's Ray: who owns tasks and objects, and who runs bodies."""
