"""Lineage of the paper: kept in the control store, where anybody can make a lost object again."""
