"""Parts of the systems of `digits` that are not GANs: transductive SVM, M1, M2, SWWAE, nearest neighbours."""
