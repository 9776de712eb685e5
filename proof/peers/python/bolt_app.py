"""Bolt for Python, asynchronous, behind Starlette: it verifies, parses and calls a listener that does nothing.

No queue and no database at all: what it acknowledged is gone if it stops.
"""

import os

from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from starlette.applications import Starlette
from starlette.routing import Route


async def authorize(enterprise_id, team_id, user_id):
    """Known without asking Slack, as in an installed app with a warm store."""
    return AuthorizeResult(
        enterprise_id=enterprise_id,
        team_id=team_id,
        bot_user_id="UBOT",
        bot_id="BBOT",
        bot_token="xoxb-simulated-bench",
    )


bolt = AsyncApp(signing_secret=os.environ["SLACK_SIGNING_SECRET"], authorize=authorize)
handler = AsyncSlackRequestHandler(bolt)


@bolt.event("app_mention")
async def mentioned(event):
    """The work itself."""


async def receive(request):
    return await handler.handle(request)


app = Starlette(routes=[Route("/webhooks/slack/events", receive, methods=["POST"])])
