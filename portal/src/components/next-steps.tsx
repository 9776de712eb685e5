// What an operator does next, as commands: everything here works today.
import type { ReactNode } from 'react'
import { Command } from './command'

export function NextSteps() {
  return (
    <section aria-labelledby="steps-title">
      <h2 id="steps-title">Next steps</h2>
      <p className="quiet">
        <code>konstruct</code> is the program that <code>make up</code> builds: <code>target/release/konstruct</code> in
        the checkout.
      </p>
      <ol className="steps">
        <Step title="Talk to the agent">
          <p>Speaks as a member of the demo workspace, over the same signed webhook that Slack uses.</p>
          <Command text='konstruct chat "My name is Ada. What can you do?"' />
        </Step>
        <Step title="Tell it who it is">
          <p>
            The tenant’s id and API key of the demo are in <code>.local/demo.json</code>; a tenant of your own is one
            command away.
          </p>
          <Command text="konstruct tenant create --name Acme" />
          <Command text='konstruct tenant agent --tenant ten_… --name Kona --instructions "You help the sales team. Answer briefly."' />
        </Step>
        <Step title="Connect your Slack workspace">
          <p>
            Create a Slack app, point its events at <code>/webhooks/slack/events</code> of this address, install it and
            copy its bot token. The README lists scopes and events.
          </p>
          <Command text="konstruct connect slack --tenant ten_… --bot-token xoxb-…" />
        </Step>
        <Step title="Build on it">
          <p>
            Programs send <code>Authorization: Bearer kst_…</code> to <code>/api/v1/…</code>. The description for your
            tools: <a href="/api/openapi.json">/api/openapi.json</a>.
          </p>
        </Step>
      </ol>
    </section>
  )
}

function Step({ title, children }: { title: string; children: ReactNode }) {
  return (
    <li className="card">
      <h3>{title}</h3>
      {children}
    </li>
  )
}
