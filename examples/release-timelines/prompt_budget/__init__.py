"""How many tokens a prompt takes: by the house's own tokenizer, by one from the hub, or by LiteLLM's for a model."""
