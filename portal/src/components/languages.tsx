// What the agents speak: a main language, and others they answer in.
import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { call } from '../api/client'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Check, Select } from '../ui/field'
import { Asking, Problem } from '../ui/states'

/** Each by its own name, as people look for it. */
const NAMES: [string, string][] = [
  ['en', 'English'],
  ['de', 'Deutsch'],
  ['fr', 'Français'],
  ['es', 'Español'],
  ['pt', 'Português'],
]

const languagesQuery = queryOptions({ queryKey: ['languages'], queryFn: () => call('GET /api/v1/languages') })

export function Languages() {
  const say = useWords()
  const languages = useQuery(languagesQuery)
  return (
    <section className="panel" aria-labelledby="languages-title">
      <h2 id="languages-title">{say('languages.title')}</h2>
      <p className="quiet">{say('languages.text')}</p>
      <Asking query={languages} lines={2}>
        {(known) => <LanguagesForm known={known.languages ?? []} />}
      </Asking>
    </section>
  )
}

function LanguagesForm({ known }: { known: string[] }) {
  const say = useWords()
  const client = useQueryClient()
  const [main, setMain] = useState(known[0] ?? '')
  const [others, setOthers] = useState(known.slice(1))
  const spoken = main === '' ? null : [main, ...others.filter((code) => code !== main)]
  const save = useMutation({
    mutationFn: () => call('PUT /api/v1/languages', { body: { languages: spoken } }),
    onSuccess: (now) => client.setQueryData(languagesQuery.queryKey, now),
  })
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault()
        save.mutate()
      }}
      onChange={() => save.reset()}
    >
      <Select label={say('languages.main')} value={main} onChange={(event) => setMain(event.target.value)}>
        <option value="">{say('languages.nobody_said')}</option>
        {NAMES.map(([code, name]) => (
          <option key={code} value={code} lang={code}>
            {name}
          </option>
        ))}
      </Select>
      {main !== '' && (
        <fieldset>
          <legend>{say('languages.others')}</legend>
          {NAMES.filter(([code]) => code !== main).map(([code, name]) => (
            <Check
              key={code}
              label={name}
              lang={code}
              checked={others.includes(code)}
              onChange={(event) => setOthers(event.target.checked ? [...others, code] : others.filter((one) => one !== code))}
            />
          ))}
        </fieldset>
      )}
      <Problem of={save.error} />
      <div className="actions">
        <Button type="submit" look="primary" busy={save.isPending}>
          {say('languages.save')}
        </Button>
        {save.isSuccess && <span role="status">{say('languages.saved')}</span>}
      </div>
    </form>
  )
}
