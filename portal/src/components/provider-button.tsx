// The way to the installation's sign-in provider, where there is one.
import { useMutation, useQuery } from '@tanstack/react-query'
import { callOnce } from '../api/client'
import { signInOptionsQuery } from '../api/queries'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Problem } from '../ui/states'

/** `invitation`: what is accepted by signing in there. */
export function ProviderButton({ invitation }: { invitation?: string }) {
  const say = useWords()
  const { data: options } = useQuery(signInOptionsQuery)
  const begin = useMutation({
    mutationFn: () => callOnce('POST /api/v1/auth/provider', { body: { invitation } }),
    onSuccess: ({ url }) => location.assign(url),
  })
  if (!options?.provider) return null
  return (
    <div className="form provider">
      <Problem of={begin.error} />
      <Button busy={begin.isPending || begin.isSuccess} onClick={() => begin.mutate()}>
        {say('provider.button', { name: options.provider.name })}
      </Button>
    </div>
  )
}
