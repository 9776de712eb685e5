// Choosing files, and those that are on their way. They go on being sent while one works elsewhere, and after a reload.
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { agentsQuery } from '../api/queries'
import { useSession } from '../api/session'
import { ENDINGS, sizeOf, unfit } from '../lib/documents'
import { give, giveUp, resume, retry, useUploads, type Upload } from '../lib/uploads'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Check } from '../ui/field'
import { explain } from '../ui/states'

/** As the gateway. */
const AGENTS_MAX = 10
const NAME_MAX = 200

export function useOwner(): string {
  const { tenant_id: tenant, user } = useSession()
  return `${tenant} ${user.id}`
}

export function Uploader() {
  const say = useWords()
  const client = useQueryClient()
  const owner = useOwner()
  const agents = useQuery(agentsQuery)
  const input = useRef<HTMLInputElement>(null)
  const [chosen, setChosen] = useState<string[]>([])
  const [refused, setRefused] = useState<string[]>([])
  const [isOver, setOver] = useState(false)
  const take = (list: FileList | null) => {
    const files = [...(list ?? [])]
    setRefused(files.flatMap((file) => reasonOf(unfit(file), file.name)))
    const since = new Date().toISOString()
    const fit = files.filter((file) => unfit(file) === null)
    give(client, fit.map((file) => ({ id: crypto.randomUUID(), owner, name: file.name.slice(-NAME_MAX), title: titleOf(file.name), agentIds: chosen, since, file })))
  }
  const reasonOf = (word: ReturnType<typeof unfit>, name: string) => (word ? [`${name}: ${say(word)}`] : [])
  const known = agents.data?.items ?? []
  return (
    <section
      className={isOver ? 'panel uploader over' : 'panel uploader'}
      aria-label={say('knowledge.add')}
      onDragOver={(event) => {
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault()
        setOver(false)
        take(event.dataTransfer.files)
      }}
    >
      <p>{say('knowledge.drop')}</p>
      <p className="quiet">{say('knowledge.kinds')}</p>
      {known.length > 1 && (
        <fieldset className="who-reads">
          <legend>{say('knowledge.who')}</legend>
          <Check label={say('knowledge.everyone')} checked={chosen.length === 0} onChange={() => setChosen([])} />
          {known.map(({ id, name }) => (
            <Check
              key={id}
              label={name}
              checked={chosen.includes(id)}
              disabled={!chosen.includes(id) && chosen.length >= AGENTS_MAX}
              onChange={(event) => setChosen(event.target.checked ? [...chosen, id] : chosen.filter((one) => one !== id))}
            />
          ))}
        </fieldset>
      )}
      <input
        ref={input}
        className="for-readers"
        type="file"
        multiple
        tabIndex={-1}
        accept={ENDINGS.join(',')}
        aria-label={say('knowledge.choose')}
        onChange={(event) => {
          take(event.target.files)
          event.target.value = ''
        }}
      />
      <Button look="primary" onClick={() => input.current?.click()}>
        {say('knowledge.choose')}
      </Button>
      {refused.map((reason) => (
        <p key={reason} className="note bad" role="alert">
          {reason}
        </p>
      ))}
    </section>
  )
}

/** What answers cite it as. */
const titleOf = (name: string): string => name.replace(/\.[^.]+$/, '').replace(/[_]+/g, ' ').trim().slice(0, NAME_MAX) || name.slice(0, NAME_MAX)

export function Uploads() {
  const say = useWords()
  const client = useQueryClient()
  const owner = useOwner()
  const uploads = useUploads(owner)
  useEffect(() => {
    // What can't be asked for now is asked for when the page is opened again.
    void resume(client, owner).catch(() => undefined)
  }, [client, owner])
  if (uploads.length === 0) return null
  return (
    <ul className="lines panel uploads" aria-label={say('knowledge.on_the_way')}>
      {uploads.map((upload) => (
        <Line key={upload.pending.id} upload={upload} />
      ))}
    </ul>
  )
}

function Line({ upload: { pending, part, problem } }: { upload: Upload }) {
  const say = useWords()
  const client = useQueryClient()
  const isThere = part >= 1
  return (
    <li>
      <span>
        {pending.name}
        <span className="quiet">{sizeOf(pending.file.size)}</span>
        {problem ? (
          <span className="reason bad" role="alert">
            {explain(problem, say)}
          </span>
        ) : (
          <progress aria-label={say('knowledge.sending_of', { name: pending.name })} value={isThere ? undefined : part} max={1} />
        )}
      </span>
      {!problem && <span className="quiet">{isThere ? say('knowledge.storing') : say('knowledge.sent_part', { part: Math.floor(part * 100) })}</span>}
      {Boolean(problem) && <Button onClick={() => retry(client, pending.id)}>{say('state.retry')}</Button>}
      <Button look="quiet" aria-label={say('knowledge.give_up_of', { name: pending.name })} onClick={() => void giveUp(pending.id)}>
        {say('knowledge.give_up')}
      </Button>
    </li>
  )
}
