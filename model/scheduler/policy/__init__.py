"""Where a proposal plugs in: the hooks, and the policies that come with the project."""
