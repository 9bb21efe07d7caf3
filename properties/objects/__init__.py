"""The object plane."""
