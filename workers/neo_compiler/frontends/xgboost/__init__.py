"""XGBoost models, as trees."""
