// A routine: which agent says what in which channel, and when. It can be begun at once, besides its own times.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useId, useState } from 'react'
import { call } from '../api/client'
import { agentsQuery, connectionsQuery } from '../api/queries'
import { channelsQuery, routinesQuery } from '../api/routines'
import type { RoutineBody } from '../api/schema'
import { useRights } from '../api/session'
import { changesOf, formOfRoutine, routineOf, type RoutineForm as Form } from '../lib/routines'
import { moment } from '../lib/time'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Check, Field, Select, TextArea } from '../ui/field'
import { Problem } from '../ui/states'
import { Confirm } from './confirm'
import { ScheduleFields } from './schedule-fields'

/** As the gateway. */
const NAME_MAX = 80
const INSTRUCTION_MAX = 2_000
const CHANNEL_MAX = 64

interface RoutineFormProps {
  routine: RoutineBody | undefined
  onSaved: (routine: RoutineBody) => void
  onDeleted: () => void
}

export function RoutineForm({ routine, onSaved, onDeleted }: RoutineFormProps) {
  const say = useWords()
  const { mayAdministrate } = useRights()
  const client = useQueryClient()
  const [form, setForm] = useState(() => formOfRoutine(routine))
  // What it was when one began to edit: only what was changed here is sent, so that what others changed meanwhile stays.
  const [base, setBase] = useState(form)
  const save = useMutation({
    mutationFn: () =>
      routine ? call('PATCH /api/v1/routines/{routine_id}', { path: { routine_id: routine.id }, body: changesOf(base, form) }) : call('POST /api/v1/routines', { body: routineOf(form) }),
    onSuccess: async (saved) => {
      setBase(form)
      await client.invalidateQueries({ queryKey: routinesQuery.queryKey })
      onSaved(saved)
    },
  })
  const write = (change: Partial<Form>) => {
    save.reset()
    setForm((before) => ({ ...before, ...change }))
  }
  return (
    <form
      className="form panel"
      onSubmit={(event) => {
        event.preventDefault()
        save.mutate()
      }}
    >
      <Field label={say('routines.name')} placeholder={say('routines.name_example')} value={form.name} readOnly={!mayAdministrate} onChange={(event) => write({ name: event.target.value })} maxLength={NAME_MAX} required />
      <Where form={form} onChange={write} />
      <TextArea
        label={say('routines.instruction')}
        hint={say('routines.instruction_hint')}
        placeholder={say('routines.instruction_example')}
        rows={4}
        value={form.instruction}
        readOnly={!mayAdministrate}
        onChange={(event) => write({ instruction: event.target.value })}
        maxLength={INSTRUCTION_MAX}
        required
      />
      <ScheduleFields schedule={form.schedule} isFixed={!mayAdministrate} onChange={(schedule) => write({ schedule })} />
      <Check label={say('routines.business_hours')} checked={form.businessHours} disabled={!mayAdministrate} onChange={(event) => write({ businessHours: event.target.checked })} />
      {routine && <Times of={routine} />}
      <Problem of={save.error} />
      {mayAdministrate ? (
        <div className="actions">
          <Button type="submit" look="primary" busy={save.isPending}>
            {say(routine ? 'routines.save' : 'routines.create')}
          </Button>
          {routine && <Act on={routine} onDeleted={onDeleted} />}
          <span role="status" className="quiet">
            {save.isSuccess && say('routines.saved')}
          </span>
        </div>
      ) : (
        <p className="note">{say('error.forbidden')}</p>
      )}
    </form>
  )
}

function Times({ of: { next_at: next, last_at: last, enabled } }: { of: RoutineBody }) {
  const say = useWords()
  return (
    <p className="quiet">
      {next ? say('routines.next', { when: moment(next) }) : say(enabled ? 'routines.never' : 'routines.is_off')}
      {' · '}
      {last ? say('routines.last', { when: moment(last) }) : say('routines.no_last')}
    </p>
  )
}

/** Which agent, and where: channels that are known are offered, and any other can be named. */
function Where({ form, onChange }: { form: Form; onChange: (change: Partial<Form>) => void }) {
  const say = useWords()
  const { mayAdministrate } = useRights()
  const agents = useQuery(agentsQuery)
  const connections = useQuery(connectionsQuery)
  const channels = useQuery(channelsQuery)
  const known = useId()
  const slack = connections.data?.items.filter(({ channel }) => channel === 'slack') ?? []
  return (
    <>
      <Select label={say('routines.agent')} value={form.agent} disabled={!mayAdministrate} onChange={(event) => onChange({ agent: event.target.value })} required>
        <option value="">{say('budgets.choose')}</option>
        {agents.data?.items.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </Select>
      <Select
        label={say('routines.connection')}
        hint={connections.isSuccess && slack.length === 0 ? <Link to="/connections">{say('routines.no_slack')}</Link> : undefined}
        value={form.connection}
        disabled={!mayAdministrate}
        onChange={(event) => onChange({ connection: event.target.value })}
        required
      >
        <option value="">{say('budgets.choose')}</option>
        {slack.map(({ id, display_name: name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </Select>
      <Field
        label={say('routines.channel')}
        hint={say('routines.channel_hint')}
        placeholder="C024BE91L"
        list={known}
        value={form.channel}
        readOnly={!mayAdministrate}
        onChange={(event) => onChange({ channel: event.target.value })}
        maxLength={CHANNEL_MAX}
        spellCheck={false}
        required
      />
      <Problem of={agents.error ?? connections.error} />
      <datalist id={known}>
        {channels.data?.items
          .filter(({ connection, state }) => connection === form.connection && state === 'open')
          .map(({ channel, name }) => (
            <option key={channel} value={channel}>
              {name}
            </option>
          ))}
      </datalist>
    </>
  )
}

function Act({ on: routine, onDeleted }: { on: RoutineBody; onDeleted: () => void }) {
  const say = useWords()
  const client = useQueryClient()
  const [isBegun, setBegun] = useState(false)
  const again = () => client.invalidateQueries({ queryKey: routinesQuery.queryKey })
  const path = { routine_id: routine.id }
  return (
    <>
      <Confirm
        label={say('routines.run')}
        title={say('routines.run_title', { name: routine.name })}
        text={say('routines.run_text', { channel: routine.channel })}
        act={() => call('POST /api/v1/routines/{routine_id}/run', { path }).then(again)}
        onDone={() => setBegun(true)}
        isHarmless
      />
      <Confirm
        label={say('routines.delete')}
        title={say('routines.delete_title', { name: routine.name })}
        text={say('routines.delete_text')}
        act={() => call('DELETE /api/v1/routines/{routine_id}', { path }).then(again)}
        onDone={onDeleted}
      />
      <span role="status" className="quiet">
        {isBegun && say('routines.begun')}
      </span>
    </>
  )
}
