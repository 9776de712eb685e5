// What models cost by a key of one's own, where nobody else knows. A price is never changed: a new one takes its place.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { call } from '../api/client'
import { pricesQuery } from '../api/money'
import type { LlmKeyBody, ModelPriceBody } from '../api/schema'
import { dollars } from '../lib/money'
import { moment } from '../lib/time'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Field } from '../ui/field'
import { Asking, Problem } from '../ui/states'

const USD_MAX = 100_000

export function ModelPrices({ of: key, onClose }: { of: LlmKeyBody; onClose: () => void }) {
  const say = useWords()
  const prices = useQuery(pricesQuery(key.id))
  return (
    <section aria-label={say('prices.of', { name: key.name })}>
      <p className="quiet">{say('prices.text')}</p>
      <Asking query={prices} lines={2}>
        {({ items }) => (items.length > 0 ? <Prices items={items} name={key.name} /> : <p className="quiet">{say('prices.none')}</p>)}
      </Asking>
      <PriceForm of={key} onClose={onClose} />
    </section>
  )
}

function Prices({ items, name }: { items: ModelPriceBody[]; name: string }) {
  const say = useWords()
  return (
    <div className="wide-table" tabIndex={0} role="region" aria-label={say('prices.table', { name })}>
      <table>
        <thead>
          <tr>
            <th scope="col">{say('prices.model')}</th>
            <th scope="col">{say('prices.from')}</th>
            <th scope="col">{say('prices.input_short')}</th>
            <th scope="col">{say('prices.cached_short')}</th>
            <th scope="col">{say('prices.output_short')}</th>
          </tr>
        </thead>
        <tbody>
          {items.map((price) => (
            <tr key={`${price.model} ${price.effective_from}`}>
              <th scope="row">
                <code>{price.model}</code>
              </th>
              <td>{moment(price.effective_from)}</td>
              <td>{dollars(price.input_usd)}</td>
              <td>{typeof price.cached_usd === 'number' ? dollars(price.cached_usd) : '–'}</td>
              <td>{dollars(price.output_usd)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function PriceForm({ of: key, onClose }: { of: LlmKeyBody; onClose: () => void }) {
  const say = useWords()
  const client = useQueryClient()
  const [model, setModel] = useState(key.default_model)
  const [input, setInput] = useState('')
  const [cached, setCached] = useState('')
  const [output, setOutput] = useState('')
  const add = useMutation({
    mutationFn: () =>
      call('POST /api/v1/llm-keys/{llm_key_id}/prices', {
        path: { llm_key_id: key.id },
        body: { model: model.trim(), input_usd: Number(input), output_usd: Number(output), ...(cached !== '' && { cached_usd: Number(cached) }) },
      }),
    onSuccess: () => client.invalidateQueries({ queryKey: pricesQuery(key.id).queryKey }),
  })
  const amount = { type: 'number', inputMode: 'decimal', min: 0, max: USD_MAX, step: 'any' } as const
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault()
        add.mutate()
      }}
      onChange={() => add.reset()}
    >
      <Field label={say('prices.model')} value={model} maxLength={200} spellCheck={false} onChange={(event) => setModel(event.target.value)} required />
      <div className="pair">
        <Field {...amount} label={say('prices.input')} value={input} onChange={(event) => setInput(event.target.value)} required />
        <Field {...amount} label={say('prices.output')} value={output} onChange={(event) => setOutput(event.target.value)} required />
      </div>
      <Field {...amount} label={say('prices.cached')} hint={say('prices.cached_hint')} value={cached} onChange={(event) => setCached(event.target.value)} />
      <Problem of={add.error} />
      <div className="actions">
        <Button type="submit" look="primary" busy={add.isPending}>
          {say('prices.save')}
        </Button>
        <Button onClick={onClose}>{say('prices.close')}</Button>
        {add.isSuccess && <span role="status">{say('prices.saved')}</span>}
      </div>
    </form>
  )
}
