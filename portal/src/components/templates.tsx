// WhatsApp's templates of a number, and the one that reaches people who have not written for a day.
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { call } from '../api/client'
import { templatesQuery } from '../api/queries'
import type { Fallback } from '../api/schema'
import { useRights } from '../api/session'
import { useWords } from '../lib/words'
import { Badge } from '../ui/badge'
import { Button } from '../ui/button'
import { Asking, Problem } from '../ui/states'

export function Templates({ connectionId }: { connectionId: string }) {
  const say = useWords()
  const [isOpen, setOpen] = useState(false)
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{say('templates.title')}</summary>
      {isOpen && <TemplateList connectionId={connectionId} />}
    </details>
  )
}

function TemplateList({ connectionId }: { connectionId: string }) {
  const say = useWords()
  const { mayAdministrate } = useRights()
  const templates = useQuery(templatesQuery(connectionId))
  const choose = useMutation({
    mutationFn: (body: Fallback) =>
      call('PUT /api/v1/connections/{id}/fallback-template', { path: { id: connectionId }, body }),
  })
  return (
    <>
      <p className="quiet">{say('templates.text')}</p>
      <Asking query={templates} lines={2}>
        {({ items }) => (
          <ul className="lines">
            {items.length === 0 && <li className="quiet">{say('templates.empty')}</li>}
            {items.map(({ name, language, category, status }) => (
              <li key={`${name} ${language}`}>
                <span>
                  <code>{name}</code> <span className="quiet">{`${language}, ${category.toLowerCase()}`}</span>
                </span>
                <Badge mood={status === 'APPROVED' ? 'good' : 'fair'}>{status.toLowerCase()}</Badge>
                {mayAdministrate && status === 'APPROVED' && (
                  <Button busy={choose.isPending} onClick={() => choose.mutate({ template: name, language })}>
                    {say('templates.choose')}
                  </Button>
                )}
              </li>
            ))}
          </ul>
        )}
      </Asking>
      <Problem of={choose.error} />
      {mayAdministrate && (
        <div className="actions">
          <Button look="quiet" busy={choose.isPending} onClick={() => choose.mutate({ template: null, language: null })}>
            {say('templates.none')}
          </Button>
          <span role="status" className="quiet">
            {choose.isSuccess && say('templates.chosen')}
          </span>
        </div>
      )}
    </>
  )
}
