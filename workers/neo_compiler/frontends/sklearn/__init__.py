"""scikit-learn models: trees, linear models, transformers."""
