"""What `pytest properties` is made of: machines, drawn programs, timed runs, and what its tests share."""
