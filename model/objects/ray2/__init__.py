"""The object plane of Ray 2: stores, transfer, admission of pulls, and references counted by owners."""
