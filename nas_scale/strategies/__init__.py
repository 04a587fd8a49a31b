"""Search strategies: Optuna samplers that propose whole nets inside limits."""
