"""What can go wrong with an outbound request. That nothing was sent, or that nobody knows, is the difference that
the rule 'never pay twice' rests on."""


class OutboundError(Exception):
    """Any trouble with an outbound request."""


class AddressRefused(OutboundError):
    """The address is not one that we go to: not public, not http(s), or not to be read. Nothing was sent."""


class ConnectFailed(OutboundError):
    """No connection came about (name, refusal, TLS, time): nothing was sent."""


class OutcomeUncertain(OutboundError):
    """The request may have arrived, and no whole answer came back."""


class ResponseTooLarge(OutcomeUncertain):
    """The answer is larger than allowed; what the server did is done."""


class LinkGone(OutboundError):
    """The link leads to nothing (any more): 401, 403, 404 or 410."""


class LinkRefused(OutboundError):
    """The server refuses the link in another way."""


class LinkFailed(OutboundError):
    """The download broke off, was too slow, came short, or the server had an outage."""


class ImageTooLarge(OutboundError):
    """The link leads to more bytes than are allowed."""
