"""What runs the course: lessons, exercises, and the check-up of the machine."""
