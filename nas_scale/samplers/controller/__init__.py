"""The controller: a policy trained by reinforcement learning."""
