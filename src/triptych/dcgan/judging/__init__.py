"""What features are judged by: the linear SVM, and draws of few labels."""
