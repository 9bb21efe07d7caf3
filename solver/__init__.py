"""What is optimal: bounds, placements, schedules, migrations, worst instances."""
