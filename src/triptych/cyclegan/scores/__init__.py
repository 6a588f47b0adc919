"""What translations are judged by: FCN-score, collapse, hidden information."""
