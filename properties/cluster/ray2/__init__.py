"""What must hold of clusters of today's Ray: statements, planted bugs and scopes."""
