"""Makes an agent by the generated client, and prints the names of all of them."""

import os

from konstruct_client import AuthenticatedClient
from konstruct_client.api.agents import agents_list, agents_shape
from konstruct_client.models import ShapeAgent

client = AuthenticatedClient(base_url=os.environ["ADDRESS"], token=os.environ["KEY"], raise_on_unexpected_status=True)
agents_shape.sync(client=client, body=ShapeAgent(name="Nova"))
for agent in agents_list.sync(client=client).items:
    print(agent.name)
