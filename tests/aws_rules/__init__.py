"""What AWS refuses, refused here first: one test a rule, named after the rule, with AWS's page beside it."""
