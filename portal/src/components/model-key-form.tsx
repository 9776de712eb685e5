// Connects a model key, or changes one. The gateway asks the model one small question before it stores anything.
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { call } from '../api/client'
import { modelKeysQuery } from '../api/queries'
import type { LlmKeyBody } from '../api/schema'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Check, Field } from '../ui/field'
import { Problem } from '../ui/states'

const NAME_MAX = 80
const URL_MAX = 500
const KEY_MAX = 512
const MODEL_MAX = 200

export function ModelKeyForm({ known, onClose }: { known?: LlmKeyBody; onClose: () => void }) {
  const say = useWords()
  const client = useQueryClient()
  const [form, setForm] = useState({ name: known?.name ?? '', base_url: '', key: '', default_model: known?.default_model ?? '' })
  const [isDefault, setDefault] = useState(known?.is_default ?? false)
  const [fallsBack, setFallsBack] = useState(known?.platform_fallback ?? false)
  const save = useMutation({
    mutationFn: () => {
      const chosen = { is_default: isDefault, platform_fallback: fallsBack }
      if (!known) return call('POST /api/v1/llm-keys', { body: { ...form, ...chosen } })
      const changed = { name: form.name, base_url: form.base_url.trim() || null, key: form.key || null }
      const model = form.default_model === known.default_model ? null : form.default_model
      return call('PATCH /api/v1/llm-keys/{llm_key_id}', { path: { llm_key_id: known.id }, body: { ...changed, default_model: model, ...chosen } })
    },
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: modelKeysQuery.queryKey })
      onClose()
    },
  })
  const input = (name: keyof typeof form) => ({
    value: form[name],
    spellCheck: false,
    autoComplete: 'off',
    onChange: (event: { target: { value: string } }) => {
      save.reset()
      setForm((before) => ({ ...before, [name]: event.target.value }))
    },
  })
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault()
        save.mutate()
      }}
    >
      <Field label={say('models.name')} placeholder={say('models.name_example')} {...input('name')} maxLength={NAME_MAX} required />
      <Field
        label={say('models.url')}
        hint={known ? say('models.url_known', { host: known.host }) : say('models.url_hint')}
        placeholder="https://api.openai.com/v1"
        type="url"
        {...input('base_url')}
        maxLength={URL_MAX}
        required={!known}
      />
      <Field
        label={say(known ? 'models.key_new' : 'models.key')}
        hint={say(known ? 'models.key_known' : 'models.key_hint')}
        type="password"
        {...input('key')}
        autoComplete="new-password"
        maxLength={KEY_MAX}
        required={!known || form.base_url.trim() !== ''}
      />
      <Field label={say('models.model')} hint={say('models.model_hint')} placeholder="gpt-4.1-mini" {...input('default_model')} maxLength={MODEL_MAX} required />
      <Check label={say('models.make_default')} checked={isDefault} onChange={(event) => setDefault(event.target.checked)} />
      <Check label={say('models.make_fall_back')} checked={fallsBack} onChange={(event) => setFallsBack(event.target.checked)} />
      <Problem of={save.error} />
      <div className="actions">
        <Button type="submit" look="primary" busy={save.isPending}>
          {say(known ? 'models.save' : 'models.connect')}
        </Button>
        <Button onClick={onClose}>{say('settings.cancel')}</Button>
        <span role="status" className="quiet">
          {save.isPending && say('models.trying')}
        </span>
      </div>
    </form>
  )
}
