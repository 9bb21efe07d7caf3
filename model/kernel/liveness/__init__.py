"""Claims about runs for ever: the state graph, fairness, loops, bounds."""
