"""What a run says about itself: marks, the report card, remarks, tables."""
