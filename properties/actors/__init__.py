"""Actors; here what belongs to no edition: moving an actor."""
