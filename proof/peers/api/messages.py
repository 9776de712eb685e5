"""Reads signed messages from standard input and says of each whether Standard Webhooks' own library takes it."""

import json
import sys

from standardwebhooks import Webhook, WebhookVerificationError


def verdict(one):
    headers = {f"webhook-{name}": one[name] for name in ("id", "timestamp", "signature")}
    try:
        return {"taken": Webhook(one["secret"]).verify(one["body"], headers)}
    except WebhookVerificationError as error:
        return {"refused": str(error)}


print(json.dumps([verdict(one) for one in json.load(sys.stdin)]))
