"""The VAE: networks, objective, training of many models with stacked weights."""
