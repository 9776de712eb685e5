// A rule: built from facts, or written as a line. It is tried on past conversations before it counts.
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { call } from '../api/client'
import { rulesQuery } from '../api/queries'
import type { RuleBody } from '../api/schema'
import { useRights } from '../api/session'
import { formOf, lineOf, newPart, stumbleOf, type RuleForm as Form } from '../lib/rules'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Field } from '../ui/field'
import { Problem } from '../ui/states'
import { Choice } from '../ui/tabs'
import { DeleteRule } from './delete-rule'
import { RuleBuilder } from './rule-builder'
import { RuleLine } from './rule-line'
import { RuleMembers } from './rule-members'
import { RuleVersions } from './rule-versions'
import { Simulation, useSimulation } from './simulation'

const NAME_MAX = 80
const EMPTY: Form = { join: 'and', parts: [newPart()] }
const same = (one: string[], other: string[]) => [...one].sort().join() === [...other].sort().join()

interface RuleFormProps {
  rule: RuleBody | undefined
  onSaved: (rule: RuleBody) => void
  onDeleted: () => void
}

export function RuleForm({ rule, onSaved, onDeleted }: RuleFormProps) {
  const say = useWords()
  const { mayAdministrate, mayChange } = useRights()
  const client = useQueryClient()
  const [name, setName] = useState(rule?.name ?? '')
  const [assigned, setAssigned] = useState(rule?.assign_to ?? [])
  const [base, setBase] = useState(rule)
  const [line, setLine] = useState(rule?.condition ?? '')
  const [form, setForm] = useState<Form | null>(() => (rule ? formOf(rule.condition) : EMPTY))
  const [isByForm, setByForm] = useState(form !== null)
  const simulation = useSimulation()
  // Whoever changed it meanwhile may have meant something else: it is shown before it is overwritten.
  const isStale = rule !== undefined && base !== undefined && rule.version > base.version && (rule.condition !== base.condition || rule.name !== base.name || !same(rule.assign_to, base.assign_to))
  // As it was: who has left may stay named in it.
  const assignTo = base && same(assigned, base.assign_to) ? undefined : assigned
  const save = useMutation({
    mutationFn: () =>
      rule
        ? call('PATCH /api/v1/escalation-rules/{rule_id}', {
            path: { rule_id: rule.id },
            body: { name, condition: line, assign_to: assignTo, version: isStale ? base?.version : rule.version },
          })
        : call('POST /api/v1/escalation-rules', { body: { name, condition: line, assign_to: assigned } }),
    onSuccess: async (saved) => {
      setBase(saved)
      await Promise.all([
        client.invalidateQueries({ queryKey: rulesQuery.queryKey }),
        client.invalidateQueries({ queryKey: ['rule-versions', saved.id] }),
      ])
      onSaved(saved)
    },
  })
  const write = (text: string) => {
    save.reset()
    simulation.reset()
    setLine(text)
  }
  const take = (text: string) => {
    write(text)
    const read = formOf(text)
    setForm(read)
    setByForm(read !== null)
  }
  const build = (built: Form) => {
    setForm(built)
    write(lineOf(built) ?? '')
  }
  const stumble = stumbleOf(save.error) ?? stumbleOf(simulation.error)
  const isComplete = line.trim() !== '' && (!isByForm || (form !== null && lineOf(form) !== null))
  return (
    <div className="rule">
      <form
        className="form panel"
        onSubmit={(event) => {
          event.preventDefault()
          save.mutate()
        }}
      >
        <Field label={say('rules.name')} placeholder={say('rules.name_example')} value={name} readOnly={!mayAdministrate} onChange={(event) => setName(event.target.value)} maxLength={NAME_MAX} required />
        <Choice
          label={say('rules.how')}
          options={[['form', say('rules.by_form')] as const, ['line', say('rules.by_line')] as const]}
          value={isByForm ? 'form' : 'line'}
          onChange={(way) => {
            if (way === 'form') setForm(formOf(line) ?? (line.trim() === '' ? EMPTY : null))
            setByForm(way === 'form')
          }}
        />
        {isByForm ? (
          form ? (
            <RuleBuilder form={form} isFixed={!mayAdministrate} onChange={build} />
          ) : (
            <p className="note">{say('rules.too_nested')}</p>
          )
        ) : (
          <RuleLine line={line} stumble={stumble} isFixed={!mayAdministrate} onChange={write} />
        )}
        {isByForm && line !== '' && (
          <p className="quiet in-words">
            {say('rules.as_line')} <code>{line}</code>
          </p>
        )}
        <RuleMembers
          assigned={assigned}
          isFixed={!mayAdministrate}
          onChange={(chosen) => {
            save.reset()
            setAssigned(chosen)
          }}
        />
        {isStale && rule && (
          <div className="note fair">
            <p>{say('rules.changed_meanwhile')}</p>
            <p>
              <code>{rule.condition}</code>
            </p>
            <Button
              onClick={() => {
                setName(rule.name)
                setAssigned(rule.assign_to)
                setBase(rule)
                take(rule.condition)
              }}
            >
              {say('rules.take_theirs')}
            </Button>{' '}
            <Button look="quiet" onClick={() => setBase(rule)}>
              {say('rules.keep_mine')}
            </Button>
          </div>
        )}
        {!(stumble && !isByForm) && <Problem of={save.error} />}
        <div className="actions">
          {mayAdministrate && (
            <Button type="submit" look="primary" busy={save.isPending} disabled={!isComplete}>
              {say(rule ? 'rules.save' : 'rules.create')}
            </Button>
          )}
          {mayChange && (
            <Button busy={simulation.isPending} disabled={!isComplete} onClick={() => simulation.mutate(line)}>
              {say('rules.simulate')}
            </Button>
          )}
          {rule && mayAdministrate && <DeleteRule rule={rule} onDeleted={onDeleted} />}
          <span role="status" className="quiet">
            {save.isSuccess && say('rules.saved')}
          </span>
        </div>
      </form>
      <Simulation of={simulation} isStumble={stumble !== null && !isByForm} />
      {rule && (
        <RuleVersions
          rule={rule}
          onRestore={(before) => {
            setName(before.name)
            setAssigned(before.assign_to)
            take(before.condition)
          }}
        />
      )}
    </div>
  )
}
