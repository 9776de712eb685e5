// The tags of a conversation, and others with the same or about something near. People write anything: it is shown as text.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { relatedQuery, tagsQuery, useTag } from '../api/related'
import type { RelatedBody } from '../api/schema'
import { useRights, useSession } from '../api/session'
import { percent } from '../lib/money'
import { useWords } from '../lib/words'
import { Badge } from '../ui/badge'
import { Button } from '../ui/button'
import { Field } from '../ui/field'
import { Asking, Problem } from '../ui/states'

/** As the gateway. */
const TAG_MAX = 40
const TAGS_MAX = 20

export function RelatedOpen({ conversationId }: { conversationId: string }) {
  return (
    <div>
      <Tags conversationId={conversationId} />
      <Others conversationId={conversationId} />
    </div>
  )
}

function Tags({ conversationId }: { conversationId: string }) {
  const say = useWords()
  const { mayChange } = useRights()
  const mayTag = !useSession().impersonation && mayChange
  const known = useQuery(tagsQuery(conversationId))
  const change = useTag(conversationId)
  const [typed, setTyped] = useState('')
  return (
    <section aria-label={say('related.tags')}>
      <h3>{say('related.tags')}</h3>
      <Asking query={known} lines={1}>
        {({ tags }) => (
          <>
            {tags.length === 0 && <p className="quiet">{say('related.no_tags')}</p>}
            <ul className="tags">
              {tags.map((tag) => (
                <li key={tag}>
                  <Badge>{tag}</Badge>
                  {mayTag && (
                    <Button look="quiet" disabled={change.isPending} aria-label={say('related.tag_remove', { tag })} onClick={() => change.mutate(tags.filter((other) => other !== tag))}>
                      ×
                    </Button>
                  )}
                </li>
              ))}
            </ul>
            {mayTag && tags.length < TAGS_MAX && (
              <form
                className="tag-form"
                onSubmit={(event) => {
                  event.preventDefault()
                  change.mutate([...tags, typed], { onSuccess: () => setTyped('') })
                }}
              >
                <Field label={say('related.tag_new')} hint={say('related.tag_hint')} value={typed} maxLength={TAG_MAX} onChange={(event) => setTyped(event.target.value)} />
                <Button type="submit" busy={change.isPending} disabled={typed.trim() === ''}>
                  {say('related.tag_add')}
                </Button>
              </form>
            )}
            <Problem of={change.error} />
          </>
        )}
      </Asking>
    </section>
  )
}

function Others({ conversationId }: { conversationId: string }) {
  const say = useWords()
  const related = useQuery(relatedQuery(conversationId))
  return (
    <section aria-label={say('related.list')}>
      <h3>{say('related.list')}</h3>
      <Asking query={related} lines={2}>
        {({ items }) =>
          items.length === 0 ? (
            <p className="quiet">{say('related.none')}</p>
          ) : (
            <ul className="lines">
              {items.map((one) => (
                <Other key={one.conversation_id} one={one} />
              ))}
            </ul>
          )
        }
      </Asking>
    </section>
  )
}

function Other({ one: { conversation_id: id, excerpt, nearness, tags } }: { one: RelatedBody }) {
  const say = useWords()
  return (
    <li>
      <span>
        <Link to="/inbox" search={{ conversation: id }} className="said">
          {excerpt || say('related.by_tag')}
        </Link>
        {typeof nearness === 'number' && <span className="quiet">{say('related.near', { part: percent(Math.max(0, nearness)) })}</span>}
      </span>
      {tags.map((tag) => (
        <Badge key={tag}>{tag}</Badge>
      ))}
    </li>
  )
}
