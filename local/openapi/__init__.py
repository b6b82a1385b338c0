"""The OpenAPI document, written from the models that check bodies and a list of calls: `make openapi`."""
