"""Who pays: keys, credits, ledgers, budgets, rate limits and usage."""
