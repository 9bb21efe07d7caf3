"""What must hold: statements as plain functions, monitors, planted bugs, and the machines pytest runs."""
