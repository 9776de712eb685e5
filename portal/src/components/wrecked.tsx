// For addresses nobody has, and for our own faults: each says what to do.
import { Link } from '@tanstack/react-router'
import { ApiProblem, Unreachable } from '../api/client'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { explain } from '../ui/states'

export function Missing() {
  const say = useWords()
  return (
    <main className="state alone">
      <h1>{say('missing.title')}</h1>
      <p>{say('missing.text')}</p>
      <Link className="button primary" to="/inbox">
        {say('missing.home')}
      </Link>
    </main>
  )
}

export function Wrecked({ error }: { error: unknown }) {
  const say = useWords()
  const known = error instanceof ApiProblem || error instanceof Unreachable
  return (
    <main className="state alone" role="alert">
      <h1>{say('state.failed')}</h1>
      <p>{known ? explain(error, say) : say('error.unexpected')}</p>
      <Button look="primary" onClick={() => location.reload()}>
        {say('state.retry')}
      </Button>
    </main>
  )
}
