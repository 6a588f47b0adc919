"""The evaluator: FCN-8s, trained on the photos, and the resizing around it."""
