"""Objects of today's Ray: a store on each node, and copies between them."""
