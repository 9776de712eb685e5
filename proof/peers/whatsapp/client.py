"""pywa, somebody else's client of WhatsApp: it reads our simulator's webhooks and calls its Graph API.

Prints one JSON object: what it read, what it did, and where it was not content.
"""

import hashlib
import hmac
import json
import os
import sys
import warnings

import httpx

warnings.simplefilter("ignore")

from pywa import WhatsApp, errors, types  # noqa: E402

GRAPH, TOKEN, NUMBER, ACCOUNT = (os.environ[name] for name in ("GRAPH_URL", "TOKEN", "NUMBER", "ACCOUNT"))
SECRET = os.environ["APP_SECRET"]
ADA = "4915100000001"
read, done, misfits = [], [], []

control = httpx.Client(base_url=GRAPH, trust_env=False, timeout=20)
calls = httpx.Client(trust_env=False, timeout=20)
wa = WhatsApp(
    phone_id=NUMBER, token=TOKEN, session=calls, server=None, verify_token="word", app_secret=SECRET, waba_id=ACCOUNT,
    skip_duplicate_updates=False,
)
calls.base_url = f"{GRAPH}/v26.0"


@wa.on_message
def message(_, update):
    if not update.from_user.bsuid or not update.timestamp:
        misfits.append(f"a message without a person or a time: {update.id}")
    read.append(str(update.type.value))


@wa.on_callback_button
def button(_, update):
    read.append(f"button {update.data}")


@wa.on_callback_selection
def selection(_, update):
    read.append(f"selection {update.data}")


@wa.on_message_status
def status(_, update):
    read.append(f"status {update.status.value}")
    if update.tracker != "out_1" or update.pricing is None:
        misfits.append(f"a status without its tracker or its price: {update}")


def hear_all():
    """Reads every webhook that the simulator sent."""
    for line in control.get("/_sim/history").json():
        if line["what"] == "webhook":
            body = json.dumps(line["body"]).encode()
            signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
            answer = wa.webhook_update_handler(body, hmac_header=signature)
            if answer[1] != 200:
                misfits.append(f"a webhook is answered {answer}")


def say(**fields):
    return control.post("/_sim/say", json={"number": NUMBER, "person": ADA, **fields}).json()["id"]


def attempt(name, call, expected=None):
    try:
        call()
        if expected:
            misfits.append(f"{name} should be refused as {expected.__name__}")
    except Exception as error:
        if not expected or not isinstance(error, expected):
            misfits.append(f"{name}: {type(error).__name__}: {error}")
    done.append(name)


def main():
    # The bytes and the signature that the simulator would send.
    signed = json.loads(sys.stdin.readline())
    if wa.webhook_update_handler(signed["body"].encode(), hmac_header=signed["signature"])[1] != 200:
        misfits.append("the simulator's signature is refused")
    if wa.webhook_update_handler(signed["body"].encode(), hmac_header=signed["signature"][:-1] + "x")[1] == 200:
        misfits.append("a wrong signature is accepted")
    read.clear()

    asked = say(text="hello")
    say(message={"type": "image", "image": {"id": "1", "mime_type": "image/png", "sha256": "x", "caption": "see"}})
    say(message={"type": "audio", "audio": {"id": "1", "mime_type": "audio/ogg", "sha256": "x", "voice": True}})
    say(message={"type": "location", "location": {"latitude": 52.5, "longitude": 13.4}})
    reply = {"type": "button_reply", "button_reply": {"id": "human", "title": "Talk to a person"}}
    say(message={"type": "interactive", "interactive": reply, "context": {"from": "1", "id": asked}})
    row = {"type": "list_reply", "list_reply": {"id": "r1", "title": "Tuesday"}}
    say(message={"type": "interactive", "interactive": row, "context": {"from": "1", "id": asked}})

    attempt("text", lambda: wa.send_message(ADA, "Hello", reply_to_message_id=asked, tracker="out_1"))
    buttons = [types.Button("Yes", callback_data="y"), types.Button("No", callback_data="n")]
    attempt("buttons", lambda: wa.send_message(ADA, "Well?", buttons=buttons, tracker="out_1"))
    person = control.get("/_sim/history").json()[0]["body"]["entry"][0]["changes"][0]["value"]["contacts"][0]["user_id"]
    attempt("by user id", lambda: wa.send_message(person, "Hello by id", tracker="out_1"))
    attempt("reaction", lambda: wa.send_reaction(ADA, "👍", asked))
    attempt("read", lambda: wa.mark_message_as_read(asked))
    attempt("typing", lambda: wa.indicate_typing(asked))
    attempt("templates", lambda: list(wa.api.get_templates(waba_id=ACCOUNT)["data"]))
    kept = control.post("/_sim/file", params={"number": NUMBER, "mime_type": "image/png"}, content=b"picture").json()["id"]
    attempt("media", lambda: wa.get_media_url(kept))
    prices = b"colour;price"
    attempt("document", lambda: wa.send_document(ADA, prices, filename="prices.csv", mime_type="text/plain", tracker="out_1"))
    attempt("upload", lambda: wa.upload_media(prices, mime_type="text/plain", filename="prices.csv"))
    attempt("type", lambda: wa.upload_media(b"{}", mime_type="application/json", filename="a.json"), errors.WhatsAppError)
    attempt("too long", lambda: wa.send_message(ADA, "x" * 4097), errors.InvalidParameter)
    attempt("nobody", lambda: wa.send_message("DE.999", "?"), errors.MessageUndeliverable)
    control.post("/_sim/options", json={"window_refused_at_once": True})
    attempt("stranger", lambda: wa.send_message("4915100000009", "?"), errors.ReEngagementMessage)
    for code, kind in [(131056, errors.TooManyMessages), (130429, errors.RateLimitHit), (190, errors.ExpiredAccessToken)]:
        control.post("/_sim/faults", json={"method": "messages", "times": 1, "kind": {"graph_error": code}})
        attempt(f"code {code}", lambda: wa.send_message(ADA, "?"), kind)
    hear_all()
    print(json.dumps({"read": read, "done": done, "misfits": misfits}))


main()
