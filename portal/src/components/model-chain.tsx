// The order in which models answer for an agent: the next one is asked when the one before does not answer.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { modelKeysQuery } from '../api/queries'
import type { LlmKeyBody, ModelBody } from '../api/schema'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'

/** As the gateway: longer lists are refused. */
const MODELS_MAX = 8
const MODEL_MAX = 500

interface ModelChainProps {
  models: ModelBody[]
  isFixed: boolean
  onChange: (models: ModelBody[]) => void
}

export function ModelChain({ models, isFixed, onChange }: ModelChainProps) {
  const say = useWords()
  const { data } = useQuery(modelKeysQuery)
  const keys = data?.items ?? []
  const replace = (at: number, change: Partial<ModelBody>) => onChange(models.map((one, index) => (index === at ? { ...one, ...change } : one)))
  const move = (at: number, by: -1 | 1) => {
    const moved = [...models]
    const [one] = moved.splice(at, 1)
    if (one) moved.splice(at + by, 0, one)
    onChange(moved)
  }
  return (
    <fieldset className="chain" disabled={isFixed}>
      <legend>{say('chain.title')}</legend>
      <p className="hint">{say(models.length === 0 ? 'chain.empty' : 'chain.text')}</p>
      {models.length > 0 && (
        <ol>
          {models.map((model, index) => (
            <li key={index}>
              <select aria-label={say('chain.key_of', { n: index + 1 })} value={model.llm_key ?? ''} onChange={(event) => replace(index, keyed(event.target.value, keys, model))}>
                <option value="">{say('chain.platform')}</option>
                {keys.map((key) => (
                  <option key={key.id} value={key.id}>
                    {key.name}
                  </option>
                ))}
              </select>
              <input
                aria-label={say('chain.model_of', { n: index + 1 })}
                placeholder={say('chain.model')}
                value={model.model}
                onChange={(event) => replace(index, { model: event.target.value })}
                maxLength={MODEL_MAX}
                spellCheck={false}
                required
              />
              <span className="actions">
                <Button look="quiet" disabled={index === 0} aria-label={say('chain.up', { n: index + 1 })} onClick={() => move(index, -1)}>
                  ↑
                </Button>
                <Button look="quiet" disabled={index === models.length - 1} aria-label={say('chain.down', { n: index + 1 })} onClick={() => move(index, 1)}>
                  ↓
                </Button>
                <Button look="quiet" aria-label={say('chain.remove', { n: index + 1 })} onClick={() => onChange(models.filter((_, other) => other !== index))}>
                  ×
                </Button>
              </span>
            </li>
          ))}
        </ol>
      )}
      <div className="actions">
        <Button
          disabled={models.length >= MODELS_MAX}
          onClick={() => {
            const [first] = keys
            onChange([...models, { llm_key: first?.id ?? null, model: first?.default_model ?? '' }])
          }}
        >
          {say('chain.add')}
        </Button>
        <Link to="/model-keys">{say('chain.keys')}</Link>
      </div>
    </fieldset>
  )
}

/** Another key brings its own model, unless one was typed that belongs to no key. */
function keyed(id: string, keys: LlmKeyBody[], { model }: ModelBody): Partial<ModelBody> {
  const isOfAKey = model === '' || keys.some(({ default_model: own }) => own === model)
  const own = keys.find((key) => key.id === id)?.default_model
  return { llm_key: id || null, ...(isOfAKey && { model: own ?? '' }) }
}
