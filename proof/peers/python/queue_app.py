"""FastAPI in front, Celery and Redis behind: verify, parse, enqueue, 200.

What a team would write first. Nothing is durable: Redis keeps the queue in memory, and there is neither deduplication,
nor an order within a conversation, nor a tenant.
"""

import hashlib
import hmac
import json
import os
import time

from celery import Celery
from fastapi import FastAPI, Request, Response

SECRET = os.environ["SLACK_SIGNING_SECRET"].encode()
CLOCK_TOLERANCE_SECONDS = 300

app = FastAPI()
queue = Celery("peer", broker=os.environ["REDIS_URL"])
queue.conf.update(task_ignore_result=True)


@queue.task(name="answer")
def answer(event):
    """The work itself; no worker takes part in the measurement, as no orchestrator does."""


def is_genuine(raw, timestamp, signature):
    if not timestamp.isdigit() or abs(time.time() - int(timestamp)) > CLOCK_TOLERANCE_SECONDS:
        return False
    wanted = hmac.new(SECRET, b"v0:" + timestamp.encode() + b":" + raw, hashlib.sha256).hexdigest()
    return hmac.compare_digest("v0=" + wanted, signature)


@app.post("/webhooks/slack/events")
async def receive(request: Request):
    raw = await request.body()
    timestamp = request.headers.get("x-slack-request-timestamp", "")
    if not is_genuine(raw, timestamp, request.headers.get("x-slack-signature", "")):
        return Response(status_code=401)
    answer.delay(json.loads(raw))
    return Response(status_code=200)
