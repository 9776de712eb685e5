// What an operator does next, as commands: everything here works today.
import type { ReactNode } from 'react'
import { useWords } from '../lib/words'
import { Command } from '../ui/command'

export function NextSteps() {
  const say = useWords()
  return (
    <section aria-labelledby="steps-title">
      <h2 id="steps-title">{say('status.steps')}</h2>
      <p className="quiet">{say('status.steps_text')}</p>
      <ol className="steps">
        <Step title={say('status.talk')} text={say('status.talk_text')}>
          <Command text='konstruct chat "My name is Ada. What can you do?"' />
        </Step>
        <Step title={say('status.tenant')} text={say('status.tenant_text')}>
          <Command text="konstruct tenant create --name Acme --admin ada@example.com" />
        </Step>
        <Step title={say('status.build')} text={say('status.build_text')}>
          <a href="/api/openapi.json">/api/openapi.json</a>
        </Step>
      </ol>
    </section>
  )
}

function Step({ title, text, children }: { title: string; text: string; children: ReactNode }) {
  return (
    <li className="panel">
      <h3>{title}</h3>
      <p>{text}</p>
      {children}
    </li>
  )
}
