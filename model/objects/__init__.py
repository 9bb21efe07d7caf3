"""The object plane: stores, transfer, pull admission, and references counted by owners."""
