// What the admins of a tenant should know, until one of them has seen it.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import { noticesQuery } from '../api/queries'
import { useRights } from '../api/session'
import type { About } from '../lib/notices'
import { moment } from '../lib/time'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Problem } from '../ui/states'

export function Notices({ about }: { about: About }) {
  const say = useWords()
  const { mayAdministrate } = useRights()
  const client = useQueryClient()
  const { data } = useQuery(noticesQuery)
  const seen = useMutation({
    mutationFn: (ids: string[]) => call('POST /api/v1/notices/seen', { body: { ids } }),
    onSuccess: () => client.invalidateQueries({ queryKey: noticesQuery.queryKey }),
  })
  const unseen = data?.items.filter((notice) => !notice.seen_at && about(notice)) ?? []
  if (unseen.length === 0) return null
  return (
    <section className="note bad notices" aria-label={say('notices.label')}>
      <ul>
        {unseen.map((notice) => (
          <li key={notice.id}>
            {notice.body} <time dateTime={notice.created_at}>{moment(notice.created_at)}</time>
          </li>
        ))}
      </ul>
      <Problem of={seen.error} />
      {mayAdministrate && (
        <Button busy={seen.isPending} onClick={() => seen.mutate(unseen.map(({ id }) => id))}>
          {say('notices.seen')}
        </Button>
      )}
    </section>
  )
}
