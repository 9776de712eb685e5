// A tool of the tenant's own: where it leads, what goes along, and whether a second person approves each call. What the
// gateway refuses is said at the field it is about.
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { call } from '../api/client'
import { toolsQuery } from '../api/queries'
import type { ToolBody } from '../api/schema'
import { useRights } from '../api/session'
import { argumentsOf, fieldOf, formOfTool, hostOf, METHODS, newArgument, schemaOf, twice, unfilled, type ToolField, type ToolForm as Form } from '../lib/tools'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Check, Field, Select, TextArea } from '../ui/field'
import { explain, Problem } from '../ui/states'
import { DeleteTool } from './delete-tool'
import { ToolArguments } from './tool-arguments'

const NAME_MAX = 40
const DESCRIPTION_MAX = 500
const URL_MAX = 500

interface ToolFormProps {
  tool: ToolBody | undefined
  onSaved: () => void
  onDeleted: () => void
}

export function ToolForm({ tool, onSaved, onDeleted }: ToolFormProps) {
  const say = useWords()
  const { mayAdministrate } = useRights()
  const [form, setForm] = useState(() => formOfTool(tool))
  const [args, setArgs] = useState(() => argumentsOf(tool?.arguments))
  const [isSecretRemoved, setSecretRemoved] = useState(false)
  const save = useSave(tool, onSaved)
  const write = (change: Partial<Form>) => {
    save.reset()
    setForm((before) => ({ ...before, ...change }))
  }
  const at = fieldOf(save.error)
  const errorOf = (field: ToolField) => (at === field ? explain(save.error, say) : null)
  const input = (name: 'name' | 'description' | 'url' | 'header' | 'value' | 'timeoutMs') => ({
    value: form[name],
    readOnly: !mayAdministrate,
    onChange: (event: { target: { value: string } }) => write({ [name]: event.target.value }),
  })
  // What was refused may be out of sight.
  useEffect(() => {
    if (at !== undefined) document.querySelector<HTMLElement>('.tool-form [aria-invalid]')?.focus()
  }, [at, save.error])
  const missing = unfilled(form.url, args)
  const doubled = twice(args)
  const hasSecret = Boolean(tool?.header) && !isSecretRemoved
  return (
    <form
      className="form panel tool-form"
      onSubmit={(event) => {
        event.preventDefault()
        if (doubled === undefined) save.mutate({ form, args, isSecretRemoved })
      }}
    >
      <Field label={say('tools.name')} hint={say('tools.name_hint')} placeholder="open_ticket" {...input('name')} error={errorOf('name')} maxLength={NAME_MAX} spellCheck={false} required />
      <TextArea label={say('tools.description')} hint={say('tools.description_hint')} rows={2} {...input('description')} error={errorOf('description')} maxLength={DESCRIPTION_MAX} required />
      <div className="tool-call">
        <Select label={say('tools.method')} value={form.method} disabled={!mayAdministrate} error={errorOf('method')} onChange={(event) => write({ method: event.target.value, ...(mustWrite(event.target.value) && { class: 'write' }) })}>
          {METHODS.map((method) => (
            <option key={method} value={method}>
              {method.toUpperCase()}
            </option>
          ))}
        </Select>
        <Field label={say('tools.url')} hint={say('tools.url_hint')} placeholder="https://api.example.com/tickets/{id}" {...input('url')} error={errorOf('url')} maxLength={URL_MAX} spellCheck={false} inputMode="url" required />
      </div>
      <Classes value={form.class} isFixed={!mayAdministrate} isWriteOnly={mustWrite(form.method)} error={errorOf('class')} onChange={(name) => write({ class: name })} />
      <ToolArguments
        args={args}
        missing={missing}
        doubled={doubled}
        error={errorOf('arguments')}
        isFixed={!mayAdministrate}
        onChange={(changed) => {
          save.reset()
          setArgs(changed)
        }}
        onAdd={(name) => setArgs([...args, newArgument(name)])}
      />
      <fieldset className="group">
        <legend>{say('tools.secret')}</legend>
        <p className="hint">{say(hasSecret ? 'tools.secret_kept' : 'tools.secret_text', { header: tool?.header ?? '', hint: tool?.secret_hint ?? '', host: hostOf(tool?.url ?? '') })}</p>
        {mayAdministrate && (
          <div className="tool-secret">
            <Field label={say('tools.header')} placeholder="authorization" {...input('header')} error={errorOf('header')} disabled={isSecretRemoved} spellCheck={false} autoComplete="off" />
            <Field label={say('tools.value')} type="password" placeholder={hasSecret ? say('tools.value_kept') : 'Bearer …'} {...input('value')} error={errorOf('value')} disabled={isSecretRemoved} autoComplete="off" required={form.header !== '' && form.header !== tool?.header} />
          </div>
        )}
        {mayAdministrate && tool?.header && (
          <Check
            label={say('tools.secret_remove')}
            checked={isSecretRemoved}
            onChange={(event) => {
              save.reset()
              setSecretRemoved(event.target.checked)
            }}
          />
        )}
      </fieldset>
      <div className="tool-limits">
        <Field label={say('tools.timeout')} hint={say('tools.timeout_hint')} type="number" min={100} max={30_000} step={100} {...input('timeoutMs')} error={errorOf('timeout_ms')} required />
        <Check label={say('tools.enabled')} checked={form.enabled} disabled={!mayAdministrate} onChange={(event) => write({ enabled: event.target.checked })} />
      </div>
      {at === undefined && <Problem of={save.error} />}
      {mayAdministrate ? (
        <div className="actions">
          <Button type="submit" look="primary" busy={save.isPending}>
            {say(tool ? 'tools.save' : 'tools.create')}
          </Button>
          {tool && <DeleteTool tool={tool} onDeleted={onDeleted} />}
        </div>
      ) : (
        <p className="note">{say('error.forbidden')}</p>
      )}
    </form>
  )
}

const mustWrite = (method: string): boolean => method !== 'get' && method !== 'post'

interface ClassesProps {
  value: string
  isFixed: boolean
  isWriteOnly: boolean
  error: string | null
  onChange: (name: string) => void
}

/** Whether a second person is asked: the one choice of this form that must be understood. */
export function Classes({ value, isFixed, isWriteOnly, error, onChange }: ClassesProps) {
  const say = useWords()
  return (
    <fieldset className="tool-classes" disabled={isFixed}>
      <legend>{say('tools.class')}</legend>
      {(['read', 'write'] as const).map((name) => (
        <label key={name} className="check">
          <input type="radio" name="class" value={name} checked={value === name} disabled={name === 'read' && isWriteOnly} onChange={() => onChange(name)} />
          <span>
            <strong>{say(name === 'read' ? 'tools.read' : 'tools.write')}</strong> <span className="quiet">{say(name === 'read' ? 'tools.read_text' : 'tools.write_text')}</span>
          </span>
        </label>
      ))}
      {error && (
        <p className="field-error" role="alert">
          {error}
        </p>
      )}
    </fieldset>
  )
}

interface Typed {
  form: Form
  args: ReturnType<typeof argumentsOf>
  isSecretRemoved: boolean
}

function useSave(tool: ToolBody | undefined, onSaved: () => void) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ form, args, isSecretRemoved }: Typed) => {
      const { name, description, method, url, enabled } = form
      const isNew = form.header.trim() !== '' && form.value !== '' && !isSecretRemoved
      const secret = isNew ? { secret: { header: form.header.trim().toLowerCase(), value: form.value } } : {}
      const body = { name: name.trim(), description, class: form.class, method, url: url.trim(), arguments: schemaOf(args), timeout_ms: Number(form.timeoutMs), enabled, ...secret }
      return tool
        ? call('PATCH /api/v1/tools/{tool_id}', { path: { tool_id: tool.id }, body: { ...body, ...(isSecretRemoved && { remove_secret: true }) } })
        : call('POST /api/v1/tools', { body })
    },
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: toolsQuery.queryKey })
      onSaved()
    },
  })
}
