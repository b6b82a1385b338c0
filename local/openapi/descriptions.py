"""What each call of the OpenAPI document does, beyond its title: a sentence or two for who reads it."""

TITLE = (
    "Post one task, and the pictures are made elsewhere, copied into the deployment's own bucket and announced by "
    "webhook, event or look-up. Every answer carries `x-request-id`; every error is an `Error`."
)

DESCRIPTIONS = {
    "createTask": "Answers as soon as the task is recorded. With `Idempotency-Key` the same call can be repeated "
    "without being paid for again; `Prefer: wait=20` waits for the end instead.",
    "listTasks": "Your own tasks alone, in pages: the next begins at `next_cursor`.",
    "getTask": "`If-None-Match` answers 304 while nothing has changed, `Prefer: wait=20` waits for a change.",
    "deleteTask": "The record, the images and what was kept of callbacks go; what was charged stays charged.",
    "cancelTask": "Nothing of it is shown from then on. What its provider made all the same is still charged.",
    "getWebhook": "When it was sent, what the receiver answered, and when it is sent next.",
    "resendWebhook": "The same payload and id once more, so that the receiver can tell it from a new one.",
    "getEvents": "Every change with its time and cause, oldest first.",
    "getDispute": "The upstream ids, times, kept callbacks and answers, without any key or secret.",
    "replayCallbacks": "For a callback that was kept but not understood, after an upgrade that reads it.",
    "createBatch": "Each is accepted or refused by itself, in the order that was sent.",
    "listModels": "Each with its providers, sizes, features and prices, as they are used for routing now.",
    "getUsage": "By model and provider, as JSON or with `format=csv` as a table.",
    "getAccount": "The balance, what is held back for open tasks, and this month's spending.",
    "getLedger": "Credits added, reserved and settled, newest first.",
    "getWebhookSecret": "Every owner has one from the first day.",
    "rotateWebhookSecret": "Webhooks carry a signature by either until the old one ends.",
    "makeKey": "The key itself is shown in this answer alone: what is kept is its digest.",
    "listKeys": "In pages, without the keys themselves.",
    "changeKey": "What is not named stays as it is. A disabled key is refused within seconds.",
    "rotateKey": "The old one lives on for as long as you say.",
    "getAnyAccount": "As the owner itself sees it.",
    "putAccount": "Prepaid or by budget; an account that is there keeps its balance.",
    "addCredits": "A reference that was used before adds nothing, so that the call can be repeated.",
    "getAnyLedger": "As the owner itself sees it.",
    "eraseOwner": "Goes on in steps; repeat it until `status` is `erased`.",
    "countDeadLetters": "What was tried as often as it may be, by queue.",
    "redriveDeadLetters": "They are tried again from the start; what fails again comes back here.",
    "getHealth": "Asks nothing behind the API, and needs no key.",
    "getOpenApi": "Needs no key.",
}
