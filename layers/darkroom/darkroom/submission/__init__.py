"""From a request to a provider that works on it: accepting, submitting, polling, and one job for one intent."""
