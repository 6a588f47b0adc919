"""Parts of the rivals: principal components, and layers for images of few channels."""
