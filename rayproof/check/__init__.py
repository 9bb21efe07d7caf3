"""`rayproof check`: a recording of real Ray in, a verdict on a policy out."""
