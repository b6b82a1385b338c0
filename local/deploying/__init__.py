"""`make deploy` and `make destroy`: a deployment that asks for what it needs, checks it first, and says what it did.

Every question can be answered beforehand by the environment, so that a pipeline can run it (docs/deploying.md has the
table): DARKROOM_STACK, AWS_REGION, DARKROOM_PUBLIC_URL, DARKROOM_ALARM_EMAIL, DARKROOM_<PROVIDER>_API_KEY,
DARKROOM_OWNER, DARKROOM_KEYS_FILE, DARKROOM_PARAMETER_<Name>, DARKROOM_YES=1. What is not answered and can't be asked
(no terminal) takes its default.
"""
