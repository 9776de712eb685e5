// The currency that budgets are said in.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import { currencyQuery } from '../api/money'
import { currencyName } from '../lib/money'
import { useWords } from '../lib/words'
import { Select } from '../ui/field'
import { Asking, Problem } from '../ui/states'

export function OwnCurrency() {
  const say = useWords()
  const client = useQueryClient()
  const own = useQuery(currencyQuery)
  const change = useMutation({
    mutationFn: (currency: string) => call('PUT /api/v1/currency', { body: { currency } }),
    onSuccess: async (now) => {
      client.setQueryData(currencyQuery.queryKey, now)
      await client.invalidateQueries({ queryKey: ['usage'] })
    },
  })
  return (
    <section className="panel" aria-labelledby="currency-title">
      <h2 id="currency-title">{say('currency.title')}</h2>
      <p className="quiet">{say('currency.text')}</p>
      <Asking query={own} lines={1}>
        {({ currency, usd_per_unit: worth, rates }) => (
          <Select
            label={say('currency.own')}
            hint={rates.length === 0 ? say('currency.no_rates') : currency === 'USD' ? undefined : say('currency.worth', { currency, worth })}
            value={currency}
            disabled={change.isPending}
            onChange={(event) => change.mutate(event.target.value)}
          >
            {['USD', ...rates.map((rate) => rate.currency)].map((code) => (
              <option key={code} value={code}>
                {currencyName(code)}
              </option>
            ))}
          </Select>
        )}
      </Asking>
      <Problem of={change.error} />
    </section>
  )
}
