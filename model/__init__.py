"""What Ray does: processes that exchange messages, and the drivers that run them."""
