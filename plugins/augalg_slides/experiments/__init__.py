"""What every experiment is given, and the plan of them."""
