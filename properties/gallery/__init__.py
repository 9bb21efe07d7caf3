"""The gallery: real defects of real systems, planted one by one, and the means to measure which are noticed."""
