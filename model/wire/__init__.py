"""What processes say to each other, where several rooms speak of it."""
